#include "libcr/restore/guardian.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/sys/process.h"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace cr::restore
{

void Guardian::watch(const std::vector<pid_t> &tasks, int coordinator, int ready)
{
    // The terminal's signals are for the coordinator; whatever ends that ends us after our work.
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    prctl(PR_SET_NAME, "cr-guardian");
    std::vector<Fd> held;
    for (pid_t pid : tasks) {
        long fd = sys::pidfd_open(pid);
        if (fd < 0)
            ::_exit(1);
        held.emplace_back(static_cast<int>(fd));
    }
    char byte = 1;
    if (sys::call(SYS_write, ready, &byte, 1) != 1)
        ::_exit(1);
    pollfd watched{coordinator, POLLIN, 0};
    while (sys::call(SYS_poll, &watched, 1, -1) == -EINTR)
        ;
    if (!commitment_.is_made())
        for (const Fd &fd : held)
            sys::pidfd_send_signal(fd.get(), SIGKILL);
    ::_exit(0);
}

Commitment::Commitment()
{
    void *page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        failed("share a byte with the guardian");
    byte_ = static_cast<unsigned char *>(page);
}

Commitment::~Commitment() { ::munmap(const_cast<unsigned char *>(byte_), 4096); }

Guardian::Guardian(const std::vector<pid_t> &tasks, const Commitment &commitment) : commitment_(commitment)
{
    Fd coordinator(static_cast<int>(sys::check(sys::pidfd_open(::getpid()), "open a pidfd of ourselves")));
    int ends[2];
    sys::check(sys::call(SYS_pipe2, ends, O_CLOEXEC), "make a pipe to the guardian");
    Fd from(ends[0]), to(ends[1]);
    pid_ = ::fork();
    if (pid_ < 0)
        failed("fork the guardian");
    if (pid_ == 0)
        watch(tasks, coordinator.get(), to.get());
    to.reset();
    pidfd_ = Fd(static_cast<int>(sys::check(sys::pidfd_open(pid_), "open a pidfd of the guardian")));
    char byte;
    long n;
    while ((n = sys::call(SYS_read, from.get(), &byte, 1)) == -EINTR)
        ;
    if (n != 1)
        failed_with(0, "set up the guardian of the restored tasks");
}

Guardian::~Guardian()
{
    if (pidfd_)
        sys::pidfd_send_signal(pidfd_.get(), SIGKILL);
    sys::WaitStatus status;
    if (pid_ > 0)
        sys::wait_for(pid_, status, __WALL);
}

} // namespace cr::restore
