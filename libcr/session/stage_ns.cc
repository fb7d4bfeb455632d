#include "libcr/session/stage_ns.h"

#include "libcr/base/subject.h"
#include "libcr/ns/blockers.h"

#include <unistd.h>

namespace cr::session
{

void dump_ns(Stage &stage)
{
    stage.claims_end();
    ns::Links own = ns::links_of(::getpid());
    std::vector<Blocker> found;
    while (auto task = stage.next_task())
        if (!task->zombie())
            ns::blockers(reader_of(*task), own, found);
    if (!found.empty()) {
        Subject subject(found.front().subject);
        refused(found.front().reason, found.front().remedy);
    }
    stage.released();
    img::session_stage_done done;
    done.set_stage("cr-dump-ns");
    stage.done(done);
}

} // namespace cr::session
