#include "libcr/session/stage_net.h"

#include "libcr/session/link.h"
#include "libcr/session/outer.h"

namespace cr::session
{

// Descriptors are cr-dump-files', which waits for the end of our claims before it reads a connection.
void dump_net(Stage &stage)
{
    img::session_connections connections = stage.connections();
    if (connections.all_size() && stage.hello().has_lock_fd()) {
        Fd socket = HolderLink(stage.hello()).take(stage.hello().lock_fd());
        lock_for_dump(socket.get(), stage.hello().run_id(), connections);
    }
    stage.claims_end();
    while (stage.next_task()) {
    }
    stage.released();
    img::session_stage_done done;
    done.set_stage("cr-dump-net");
    stage.done(done);
}

} // namespace cr::session
