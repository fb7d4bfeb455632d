// pidfd: a process, which fdinfo tells by its pid, or -1 when it is dead and was waited for.
//
// Of a process of the tree it is opened when all processes are born again (Kind::is_late). Of a dead one it
// is made by a process that ends at once; those that are of the same dead process, which the inode tells,
// stay so. A process outside of the tree cannot be found again and is refused.
//
// That of a single thread (PIDFD_THREAD) is opened when all threads are born, too.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/tree.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/process.h"

#include <csignal>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

constexpr uint32_t kThread = O_EXCL; // PIDFD_THREAD

bool claims(const Facts &f) { return f.is_anon("pidfd") || f.link.starts_with("pidfd:"); }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

void capture(Capture &c)
{
    const proc::FdInfo &info = c.facts().info;
    auto pid = parse_int<int32_t>(info.field("Pid").value_or(""));
    if (!pid)
        failed_with(0, "understand fdinfo: there is no Pid");
    if (*pid >= 0 && !c.tree.has_process(*pid) && !c.tree.has_task(*pid))
        refused(cat("it is of pid ", *pid, ", which is not in the tree"), "close it before the dump");
    img::pidfd_entry &entry = *c.entry().mutable_pidfd();
    entry.set_id(c.id());
    entry.set_ino(static_cast<uint32_t>(c.facts().st.st_ino));
    entry.set_flags(c.flags());
    entry.set_nspid(*pid);
    c.owner(*entry.mutable_fown());
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.pidfd().flags(), &entry.pidfd().fown()};
}

bool is_of_thread(const img::pidfd_entry &pidfd, const Plan &plan)
{
    return pidfd.flags() & kThread && plan.options().threads.count(pidfd.nspid());
}

Stage stage(const img::file_entry &entry, const Plan &plan)
{
    return entry.pidfd().nspid() <= 0              ? Stage::Nobody
           : is_of_thread(entry.pidfd(), plan)     ? Stage::Threads
                                                   : Stage::Processes;
}

void check(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_pidfd())
        bad_image("a pidfd without its part");
    if (entry.pidfd().nspid() > 0 && !plan.options().pids.count(entry.pidfd().nspid()) &&
        !is_of_thread(entry.pidfd(), plan))
        bad_image(cat("a pidfd of ", entry.pidfd().nspid(), ", which is not in the images"));
}

Fd open_pidfd(pid_t pid, uint32_t flags)
{
    long r = sys::call(SYS_pidfd_open, pid, flags & (O_NONBLOCK | kThread));
    return Fd(static_cast<int>(sys::check(r, [&] { return cat("open a pidfd of ", pid); })));
}

void open_dead(const img::file_entry &entry, Opener &opener)
{
    if (opener.is_made(entry))
        return;
    pid_t pid = static_cast<pid_t>(sys::check(sys::call(SYS_fork), "make a process that ends"));
    if (pid == 0)
        for (;;)
            ::pause();
    for (const img::file_entry &each : opener.plan.entries())
        if (each.has_pidfd() && each.pidfd().nspid() <= 0 && each.pidfd().ino() == entry.pidfd().ino())
            opener.place(each, open_pidfd(pid, each.pidfd().flags()));
    ::kill(pid, SIGKILL);
    sys::WaitStatus status;
    while (sys::wait_for(pid, status, __WALL) == -EINTR)
        ;
}

void open(const img::file_entry &entry, Opener &opener)
{
    if (entry.pidfd().nspid() <= 0)
        return open_dead(entry, opener);
    opener.place(entry, open_pidfd(entry.pidfd().nspid(), entry.pidfd().flags()));
}

} // namespace

const Kind kPidfd = {
    .name = "pidfd",
    .type = img::PIDFD,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .common = common,
    .check = check,
    .open = open,
    .stage = stage,
    .kept = "processes and threads of the tree, dead ones",
    .lost = [] { return std::string("exit codes of dead ones"); },
};

} // namespace cr::files
