#include "libcr/sys/descriptor.h"

#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <linux/kcmp.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace cr::sys
{

Fd pidfd_open(pid_t pid)
{
    constexpr int kThread = O_EXCL; // PIDFD_THREAD of Linux 6.9
    long fd = call(SYS_pidfd_open, pid, 0);
    if (fd == -EINVAL || fd == -ENOENT) {
        fd = call(SYS_pidfd_open, pid, kThread);
        if (fd == -EINVAL)
            refused("its descriptors are those of a thread, which this kernel gives to nobody",
                    "use Linux 6.9 or later");
    }
    return Fd(static_cast<int>(check(fd, "open a pidfd")));
}

long try_pidfd_getfd(int pidfd, int number) { return call(SYS_pidfd_getfd, pidfd, number, 0); }

int kcmp_file(pid_t pid_a, int a, pid_t pid_b, int b)
{
    long result = check(call(SYS_kcmp, pid_a, pid_b, KCMP_FILE, a, b), "compare two descriptors (kcmp)");
    // 0 equal, 1 less, 2 greater, 3 not equal and without order
    return result == 0 ? 0 : result == 1 ? -1 : 1;
}

bool is_epoll_target(pid_t pid, int number, pid_t epoll_pid, int epoll_fd, uint32_t tfd, uint32_t offset)
{
    kcmp_epoll_slot slot{};
    slot.efd = static_cast<uint32_t>(epoll_fd);
    slot.tfd = tfd;
    slot.toff = offset;
    return call(SYS_kcmp, pid, epoll_pid, KCMP_EPOLL_TFD, number, &slot) == 0;
}

long try_fcntl(int fd, int command, uint64_t argument) { return call(SYS_fcntl, fd, command, argument); }

long try_ioctl(int fd, unsigned long request, void *argument)
{
    return call(SYS_ioctl, fd, request, argument);
}

void move_to(Fd &fd, int number)
{
    if (fd.get() == number)
        return;
    check(call(SYS_dup3, fd.get(), number, O_CLOEXEC), [&] { return cat("place a descriptor at ", number); });
    fd = Fd(number);
}

Fd reopen(int fd, int flags)
{
    std::string path = cat("/proc/self/fd/", fd);
    long r = call(SYS_openat, AT_FDCWD, path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0);
    return Fd(static_cast<int>(check(r, [&] { return cat("open descriptor ", fd, " once more"); })));
}

void raise_descriptor_limit()
{
    struct rlimit limit {
    };
    check(call(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit), "read the limit on open files");
    limit.rlim_cur = limit.rlim_max;
    check(call(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, nullptr), "raise the limit on open files");
}

} // namespace cr::sys
