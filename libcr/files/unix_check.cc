// What must be so of the images of unix sockets before any is made.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/plan.h"
#include "libcr/files/unix_names.h"
#include "libcr/files/unix_socket.h"

#include <limits>
#include <sys/socket.h>

namespace cr::files
{

using Socket = img::unix_sk_entry;

namespace
{

void check_waiting(const img::file_entry &entry, const Plan &plan)
{
    const Socket &socket = entry.usk();
    for (const img::cr_waiting_entry &waiting : socket.cr_waiting()) {
        const img::file_entry *client = waiting.client() ? plan.unix_socket(waiting.client()) : nullptr;
        if (socket.state() != kUnixListens || !is_name(waiting.name()) ||
            (waiting.client() && (!client || plan.number(*client) < 0 || client == &entry ||
                                  client->usk().type() != socket.type())))
            bad_image(cat("a connection that waits at unix socket ", socket.ino()));
    }
    auto found = plan.socket_queues().find(entry.id());
    if (found == plan.socket_queues().end())
        return;
    for (const Packet &packet : found->second)
        if (packet.waiting >= socket.cr_waiting_size() ||
            (packet.waiting < 0) != (socket.state() != kUnixListens))
            bad_image(cat("what was received at unix socket ", socket.ino()));
}

} // namespace

void check_unix(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_usk())
        bad_image("a unix socket without its part");
    const Socket &socket = entry.usk();
    if (socket.type() != SOCK_STREAM && socket.type() != SOCK_DGRAM && socket.type() != SOCK_SEQPACKET)
        bad_image(cat("unix socket ", socket.ino(), " is of type ", socket.type()));
    if (!is_name(socket.name()))
        bad_image(cat("unix socket ", socket.ino(), " has a name of ", socket.name().size(), " bytes, or a zero in it"));
    check_waiting(entry, plan);
    if (socket.backlog() > std::numeric_limits<int32_t>::max())
        bad_image(cat("unix socket ", socket.ino(), " has a backlog of ", socket.backlog()));
}

} // namespace cr::files
