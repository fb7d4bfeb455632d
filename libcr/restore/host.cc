#include "libcr/restore/host.h"

#include "libcr/proc/pid_dir.h"
#include "libcr/proc/status.h"
#include "libcr/sys/gate.h"

#include <ctime>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::restore
{

namespace
{

uint8_t *thread_pointer()
{
    uint8_t *out;
    asm("mov %%fs:0, %0" : "=r"(out));
    return out;
}

} // namespace

task::Host host_of(const feature::Features &features)
{
    task::Host host;
    host.bounding = proc::parse_status(proc::PidDir(::getpid()).read("status")).cap_permitted;
    host.timer_restore_ids = features.has(feature::Id::TimerCrIds);
    for (size_t i = 0; i < host.speculation.size(); i++)
        host.speculation[i] = sys::call(SYS_prctl, PR_GET_SPECULATION_CTRL, i, 0, 0, 0);
    return host;
}

ReadyToClone::ReadyToClone()
{
    // Tasks inherit what is ignored, too; blocked it harms nobody.
    sigpipe_ = ::signal(SIGPIPE, SIG_DFL);
    sigchld_ = ::signal(SIGCHLD, SIG_DFL);
    // Should the restore fail, what is left of the tree is ours to bury, at once: its ids are wanted again.
    int subreaper = 0;
    sys::call(SYS_prctl, PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0);
    was_subreaper_ = subreaper;
    sys::call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    uint64_t all = ~0ull;
    sys::check(sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask_, 8), "block signals");
    rlimit limit;
    sys::check(sys::call(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit), "read the limit of open files");
    limit.rlim_cur = limit.rlim_max;
    sys::check(sys::call(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, nullptr), "raise the limit of open files");
    // The C library registers 32 bytes. (With none registered this fails, and nothing is to be done.)
    sys::call(SYS_rseq, thread_pointer() + __rseq_offset, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

ReadyToClone::~ReadyToClone()
{
    // What came meanwhile from our own helpers is not for anybody after us.
    timespec none{};
    uint64_t ours = 1ull << (SIGPIPE - 1) | 1ull << (SIGCHLD - 1);
    while (sys::call(SYS_rt_sigtimedwait, &ours, nullptr, &none, 8) > 0)
        ;
    sys::call(SYS_prctl, PR_SET_CHILD_SUBREAPER, was_subreaper_, 0, 0, 0);
    ::signal(SIGPIPE, sigpipe_);
    ::signal(SIGCHLD, sigchld_);
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask_, nullptr, 8);
}

} // namespace cr::restore
