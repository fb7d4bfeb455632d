// Probes of what is known about tasks and can be set for them.
#include "libcr/feature/probes.h"
#include "libcr/feature/trial.h"
#include "libcr/sys/file.h"
#include "libcr/sys/kernel_memory.h"
#include "libcr/sys/process.h"
#include "libcr/sys/ptrace.h"

#include <cstddef>
#include <linux/filter.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cr::feature::probe
{

namespace
{

constexpr int kPrTimerCreateRestoreIds = 77, kRestoreIdsGet = 2; // Linux 6.15
constexpr uint64_t kSuspendSeccomp = 1 << 21;                    // PTRACE_O_SUSPEND_SECCOMP
constexpr long kSeccompGetFilter = 0x420c;

pid_t self() { return static_cast<pid_t>(sys::call(SYS_getpid)); }

long allow_everything()
{
    sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    sock_fprog program{1, &allow};
    sys::call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return sys::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

} // namespace

long ptrace()
{
    return on_traced_child([](pid_t child) {
        uint64_t mask;
        return sys::ptrace::get_sigmask(child, mask);
    });
}

long xsave()
{
    return on_traced_child([](pid_t child) {
        std::vector<uint8_t> area;
        return sys::ptrace::get_xsave(child, area);
    });
}

long process_vm()
{
    int from = 4711, to = 0;
    long n = sys::read_memory(self(), TargetAddr{reinterpret_cast<uint64_t>(&from)}, &to, sizeof to);
    return n < 0 ? n : to == from ? 0 : -EFAULT;
}

long kcmp() { return sys::kcmp(self(), self(), sys::Kcmp::Vm); }

long kcmp_epoll()
{
    Fd epoll(static_cast<int>(sys::call(SYS_epoll_create1, EPOLL_CLOEXEC))),
        target = socket_of(AF_UNIX, SOCK_STREAM, 0);
    epoll_event event{};
    long r = sys::call(SYS_epoll_ctl, epoll.get(), EPOLL_CTL_ADD, target.get(), &event);
    kcmp_epoll_slot slot{static_cast<uint32_t>(epoll.get()), static_cast<uint32_t>(target.get()), 0};
    return r < 0 ? r : sys::call(SYS_kcmp, self(), self(), KCMP_EPOLL_TFD, target.get(), &slot);
}

long pidfd()
{
    long fd = sys::pidfd_open(self());
    if (fd < 0)
        return fd;
    Fd mine(static_cast<int>(fd));
    return sys::pidfd_send_signal(mine.get(), 0);
}

long pidfd_store()
{
    long fd = sys::pidfd_open(self());
    if (fd < 0)
        return fd;
    Fd mine(static_cast<int>(fd));
    long copy = sys::pidfd_getfd(mine.get(), mine.get());
    if (copy >= 0)
        Fd(static_cast<int>(copy)).reset();
    return copy;
}

long ns_pid() { return has_words("/proc/self/status", "\nNSpid:"); }

// The last of its fields is the exit code, the 52nd; the layout of memory comes before it.
long proc_stat()
{
    std::string text = text_of("/proc/self/stat");
    size_t blanks = 0;
    for (size_t i = text.rfind(')'); i < text.size(); i++)
        blanks += text[i] == ' ';
    return blanks >= 50 ? 0 : -ENODATA;
}

long peek_siginfo()
{
    return on_traced_child([](pid_t child) {
        siginfo_t info;
        return sys::ptrace::peek_siginfo(child, true, 0, &info, 1);
    });
}

// Only to oneself may a task send what looks as if it came from the kernel.
long sigqueue_info()
{
    return in_child([] {
        uint64_t mask = 1ull << (SIGUSR1 - 1);
        sys::call(SYS_rt_sigprocmask, SIG_BLOCK, &mask, nullptr, 8);
        siginfo_t info{};
        info.si_signo = SIGUSR1;
        return sys::call(SYS_rt_sigqueueinfo, self(), SIGUSR1, &info);
    });
}

long timers()
{
    long fd = sys::try_open_at(AT_FDCWD, "/proc/self/timers", O_RDONLY);
    if (fd >= 0)
        Fd(static_cast<int>(fd)).reset();
    return fd;
}

long tid_address()
{
    uint64_t address = 0;
    return sys::call(SYS_prctl, PR_GET_TID_ADDRESS, &address, 0, 0, 0);
}

// Pid 1 is taken in every namespace: a kernel that understands the wish, and grants it, says so.
long clone3_set_tid()
{
    pid_t taken = 1;
    clone_args args{};
    args.exit_signal = SIGCHLD;
    args.set_tid = reinterpret_cast<uint64_t>(&taken);
    args.set_tid_size = 1;
    long r = sys::call(SYS_clone3, &args, sizeof args);
    if (r == 0)
        ::_exit(0);
    return r == -EEXIST ? 0 : r < 0 ? r : -EINVAL;
}

long timer_ids() { return sys::call(SYS_prctl, kPrTimerCreateRestoreIds, kRestoreIdsGet, 0, 0, 0); }

long rseq_conf()
{
    return on_traced_child([](pid_t child) {
        ptrace_rseq_configuration rseq;
        return sys::ptrace::get_rseq(child, rseq);
    });
}

// What is there already is written again.
long loginuid()
{
    return in_child([] {
        std::string uid = text_of("/proc/self/loginuid");
        long fd = sys::try_open_at(AT_FDCWD, "/proc/self/loginuid", O_WRONLY);
        return fd < 0 ? fd : sys::call(SYS_write, fd, uid.data(), uid.size());
    });
}

long user_dispatch()
{
    return on_traced_child([](pid_t child) {
        sys::ptrace::UserDispatch dispatch;
        return sys::ptrace::get_user_dispatch(child, dispatch);
    });
}

long seccomp_suspend()
{
    return on_traced_child([](pid_t) { return 0l; }, nullptr, kSuspendSeccomp);
}

long seccomp_filters()
{
    return on_traced_child([](pid_t child) { return sys::ptrace::request(kSeccompGetFilter, child, 0, 0); },
                           allow_everything);
}

// Debug register 7 switches on the breakpoint at the address in register 0.
long breakpoints()
{
    return on_traced_child([](pid_t child) {
        constexpr uint64_t registers = offsetof(user, u_debugreg);
        long r = sys::ptrace::request(PTRACE_POKEUSR, child, registers, 0x1000);
        return r < 0 ? r : sys::ptrace::request(PTRACE_POKEUSR, child, registers + 7 * 8, 1);
    });
}

long kernel_memory() { return sys::KernelMemory::make() ? 0 : -EOPNOTSUPP; }

} // namespace cr::feature::probe
