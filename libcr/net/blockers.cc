#include "libcr/net/blockers.h"

#include "libcr/base/text.h"
#include "libcr/proc/fd_list.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace cr::net
{

// By a copy of each descriptor and its type: half of what reading the links would cost.
void blockers(pid_t pid, std::vector<Blocker> &out)
{
    Fd pidfd = sys::pidfd_open(pid);
    proc::PidDir dir(pid);
    for (int fd : proc::candidate_descriptors(dir, dir.read("status"))) {
        Fd copy(static_cast<int>(sys::try_pidfd_getfd(pidfd.get(), fd)));
        if (!copy || !S_ISSOCK(sys::stat_of(copy.get(), "a descriptor").st_mode))
            continue;
        int domain = 0;
        socklen_t size = sizeof domain;
        sys::check(sys::call(SYS_getsockopt, copy.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size),
                   "ask for the family of a socket");
        if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6) // those are cr-dump-files'
            out.push_back({cat("pid ", pid, ", fd ", fd), "sockets of this family are not supported yet",
                           "close it before the dump"});
    }
}

} // namespace cr::net
