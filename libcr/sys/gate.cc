#include "libcr/sys/gate.h"

#include "libcr/base/log.h"
#include "libcr/base/text.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::sys
{

namespace
{

enum class Fault { None, Errno, Kill, KillAfter };

// What CR_FAULT asks of the threads that speak as `tool`.
struct Plan {
    std::string tool;
    uint64_t at = 0;
    Fault fault = Fault::None;
    int err = 0;
    const char *count_file = ::secure_getenv("CR_FAULT_COUNT");

    Plan();
};

Plan::Plan()
{
    const char *text = ::secure_getenv("CR_FAULT");
    std::string_view rest = text ? text : "";
    tool = take_until(rest, ':');
    at = parse_int<uint64_t>(take_until(rest, ':')).value_or(0);
    if (rest == "kill")
        fault = Fault::Kill;
    else if (rest == "kill-after")
        fault = Fault::KillAfter;
    else if (auto number = parse_int<int>(rest)) {
        fault = Fault::Errno;
        err = *number;
    }
}

const Plan &plan()
{
    static const Plan plan;
    return plan;
}

// The calls of this process so far, by each who speaks in it; a forked one begins anew. Without a lock, which a fork
// could leave closed.
struct Count {
    std::atomic<const std::string *> tool = nullptr;
    std::atomic<uint64_t> calls = 0;
};

uint64_t count_call(const std::string &tool)
{
    static std::array<Count, 16> counts;
    static std::atomic<pid_t> pid = 0;
    if (pid_t self = ::getpid(); pid.exchange(self) != self)
        for (Count &count : counts)
            count.calls = 0;
    for (Count &count : counts) {
        const std::string *name = nullptr;
        auto own = std::make_unique<const std::string>(tool);
        if (count.tool.compare_exchange_strong(name, own.get()))
            name = own.release();
        if (*name == tool)
            return ++count.calls;
    }
    return 0;
}

// Written as the process counts, since it may end by a signal: the file holds the last number reached, and one line
// "TOOL! PID COUNT" when the fault is made.
void note_count(uint64_t count, const char *mark)
{
    char line[128];
    int n = snprintf(line, sizeof line, "%s%s %d %llu\n", log::tool().c_str(), mark, ::getpid(),
                     static_cast<unsigned long long>(count));
    int fd = ::open(plan().count_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
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
    const Plan &asked = plan();
    uint64_t count = count_call(log::tool());
    Fault fault = count == asked.at && log::tool() == asked.tool ? asked.fault : Fault::None;
    if (fault == Fault::Errno && asked.err == EINTR && !is_interruptible(g_number))
        fault = Fault::None;
    if (asked.count_file)
        note_count(count, "");
    if (asked.count_file && fault != Fault::None)
        note_count(count, "!");
    return fault;
}

} // namespace

Gate::Gate()
{
    Fault fault = next_fault();
    g_number = 0;
    if (fault == Fault::Errno)
        result_ = -plan().err;
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
