#include "libcr/session/outer.h"

#include "libcr/base/error.h"
#include "libcr/base/insist.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/image/seal.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"

#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>

namespace cr::session
{

namespace
{

std::vector<net::Connection> addresses_of(const img::session_connections &connections)
{
    std::vector<net::Connection> out;
    for (const img::session_connection &connection : connections.all())
        out.push_back({connection.local(), connection.peer()});
    return out;
}

// A copy of that descriptor of a task.
Fd in_repair(const Fd &task, int number)
{
    Fd copy(static_cast<int>(
        sys::check(sys::try_pidfd_getfd(task.get(), number), "take a copy of a connection")));
    int on = 1;
    sys::check(sys::call(SYS_setsockopt, copy.get(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on),
               "silence a connection (TCP_REPAIR)");
    return copy;
}

} // namespace

void lock_for_dump(int nftables, const std::string &run_id, const img::session_connections &connections)
{
    net::lock(nftables, "cr-dump-" + run_id, addresses_of(connections), net::Lifetime::OfSocket);
}

void lock_for_good(const image::Dir &committed, int nftables, const std::string &run_id,
                   const img::session_connections &connections)
{
    try {
        net::lock(nftables, net::lasting_table(run_id), addresses_of(connections), net::Lifetime::Lasting);
    } catch (const Error &) {
        // It may be there all the same, if only the answer was not to be had.
        const std::string table = net::lasting_table(run_id);
        try {
            insist([&] { net::unlock(nftables, table); });
        } catch (const Error &error) {
            log::warning(error.what(), ": if it is there, nft delete table inet ", table, " removes it");
        }
        image::withdraw(committed);
        throw;
    }
}

QuietEnd::QuietEnd(const img::session_connections &connections)
{
    if (connections.all_size())
        sys::raise_descriptor_limit();
    std::map<uint32_t, Fd> tasks;
    for (const img::session_connection &connection : connections.all()) {
        auto what = [&] { return cat("pid ", connection.pid(), ", fd ", connection.fd()); };
        Subject subject(what);
        try {
            sockets_.push_back(insist([&] {
                Fd &task = tasks[connection.pid()];
                if (!task)
                    task = sys::pidfd_open(static_cast<pid_t>(connection.pid()));
                return in_repair(task, connection.fd());
            }));
        } catch (const Error &error) {
            log::warning(error.what(), ": the peer of this connection may hear of its end");
        }
    }
}

} // namespace cr::session
