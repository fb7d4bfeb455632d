#include "libcr/sys/gate.h"

#include "libcr/base/log.h"
#include "libcr/base/text.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::sys
{

namespace
{

enum class Fault { None, Errno, Kill, KillAfter };

// What CR_FAULT asks of this process. Read at the first call; a forked stage that takes another name reads
// it again, since the count is per process and per name.
struct Plan {
    pid_t pid = 0;
    std::string tool;
    std::atomic<uint64_t> count = 0;
    uint64_t at = 0;
    Fault fault = Fault::None;
    int err = 0;
    const char *count_file = nullptr;
};

Plan g_plan;

void read_plan()
{
    g_plan.count = 0;
    g_plan.fault = Fault::None;
    g_plan.pid = ::getpid();
    g_plan.tool = log::config().tool;
    const char *text = ::secure_getenv("CR_FAULT");
    const char *file = ::secure_getenv("CR_FAULT_COUNT");
    g_plan.count_file = file;
    if (!text)
        return;
    std::string_view rest = text;
    std::string_view tool = take_until(rest, ':');
    if (tool != g_plan.tool)
        return;
    g_plan.at = parse_int<uint64_t>(take_until(rest, ':')).value_or(0);
    if (rest == "kill")
        g_plan.fault = Fault::Kill;
    else if (rest == "kill-after")
        g_plan.fault = Fault::KillAfter;
    else if (auto err = parse_int<int>(rest)) {
        g_plan.fault = Fault::Errno;
        g_plan.err = *err;
    }
}

// Written as the process counts, since it may end by a signal: the file holds the last number reached, and one line
// "TOOL! PID COUNT" when the fault is made.
void note_count(uint64_t count, const char *mark)
{
    char line[128];
    int n = snprintf(line, sizeof line, "%s%s %d %llu\n", g_plan.tool.c_str(), mark, g_plan.pid,
                     static_cast<unsigned long long>(count));
    int fd = ::open(g_plan.count_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        [[maybe_unused]] auto r = ::write(fd, line, static_cast<size_t>(n));
        ::close(fd);
    }
}

// Calls that wait for others, and that a signal ends with EINTR (signal(7)): to no other one it is a fault that could be.
bool is_interruptible(long nr)
{
    constexpr long kInterruptible[] = {SYS_read,       SYS_pread64,         SYS_readv,
                                       SYS_preadv,     SYS_write,           SYS_pwrite64,
                                       SYS_writev,     SYS_pwritev,         SYS_open,
                                       SYS_openat,     SYS_openat2,         SYS_poll,
                                       SYS_ppoll,      SYS_select,          SYS_pselect6,
                                       SYS_epoll_wait, SYS_epoll_pwait,     SYS_wait4,
                                       SYS_waitid,     SYS_nanosleep,       SYS_clock_nanosleep,
                                       SYS_connect,    SYS_accept4,         SYS_recvfrom,
                                       SYS_recvmsg,    SYS_sendto,          SYS_sendmsg,
                                       SYS_flock,      SYS_splice,          SYS_tee,
                                       SYS_vmsplice,   SYS_sendfile,        SYS_copy_file_range,
                                       SYS_fallocate,  SYS_msgsnd,          SYS_msgrcv,
                                       SYS_semtimedop, SYS_rt_sigtimedwait, SYS_futex,
                                       SYS_getrandom};
    return std::find(std::begin(kInterruptible), std::end(kInterruptible), nr) != std::end(kInterruptible);
}

// The call that raw_call() is about to make; 0 in a Gate around one that is made otherwise.
thread_local long g_number = 0;

// What shall happen to the call that comes now.
Fault next_fault()
{
    static const bool active = ::secure_getenv("CR_FAULT") || ::secure_getenv("CR_FAULT_COUNT");
    if (!active) [[likely]]
        return Fault::None;
    if (g_plan.pid != ::getpid() || g_plan.tool != log::config().tool)
        read_plan();
    uint64_t count = ++g_plan.count;
    Fault fault = count == g_plan.at ? g_plan.fault : Fault::None;
    if (fault == Fault::Errno && g_plan.err == EINTR && !is_interruptible(g_number))
        fault = Fault::None;
    if (g_plan.count_file)
        note_count(count, "");
    if (g_plan.count_file && fault != Fault::None)
        note_count(count, "!");
    return fault;
}

} // namespace

Gate::Gate()
{
    Fault fault = next_fault();
    g_number = 0;
    if (fault == Fault::Errno)
        result_ = -g_plan.err;
    else if (fault == Fault::Kill)
        ::kill(::getpid(), SIGKILL);
    kill_after_ = fault == Fault::KillAfter;
}

Gate::~Gate()
{
    if (kill_after_) [[unlikely]]
        ::kill(::getpid(), SIGKILL);
}

long raw_call(long nr, long a, long b, long c, long d, long e, long f)
{
    g_number = nr;
    Gate gate;
    if (gate.refused())
        return gate.result();
    long result = ::syscall(nr, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

} // namespace cr::sys
