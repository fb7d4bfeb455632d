#include "libcr/session/stage_net.h"

#include "libcr/base/subject.h"
#include "libcr/net/blockers.h"

namespace cr::session
{

void dump_net(Stage &stage)
{
    stage.claims_end();
    std::vector<Blocker> found;
    while (auto task = stage.next_task())
        if (!task->zombie())
            net::blockers(reader_of(*task), found);
    if (!found.empty()) {
        Subject subject(found.front().subject);
        refused(found.front().reason, found.front().remedy);
    }
    stage.released();
    img::session_stage_done done;
    done.set_stage("cr-dump-net");
    stage.done(done);
}

} // namespace cr::session
