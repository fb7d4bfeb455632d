#include "libcr/files/proc_file.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/plan.h"
#include "libcr/files/reg.h"
#include "libcr/files/tree.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/stat.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/process.h"

#include <csignal>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

constexpr std::string_view kDeleted = " (deleted)";

// When a process or thread began, in ticks since boot; nothing when there is none.
std::optional<uint64_t> start_of(const ProcName &name)
{
    std::string directory = cat("/proc/", name.pid);
    if (name.tid)
        directory += cat("/task/", name.tid);
    if (!sys::stat_at(AT_FDCWD, cat(directory, "/stat").c_str()))
        return std::nullopt;
    proc::PidDir dir = name.tid ? proc::PidDir(name.pid, name.tid) : proc::PidDir(name.pid);
    return proc::parse_stat(dir.read("stat")).start_time;
}

// A child that waits to be killed, with that pid if it can be had; the pid it has.
pid_t make_victim(pid_t wanted)
{
    clone_args args{};
    args.exit_signal = SIGCHLD;
    args.set_tid = reinterpret_cast<uint64_t>(&wanted);
    args.set_tid_size = 1;
    long pid = sys::call(SYS_clone3, &args, sizeof args);
    if (pid < 0) {
        args.set_tid_size = 0;
        args.set_tid = 0;
        pid = sys::call(SYS_clone3, &args, sizeof args);
    }
    if (pid == 0)
        for (;;)
            ::pause();
    return static_cast<pid_t>(sys::check(pid, "make a process that ends"));
}

Fd open_dead(const img::reg_file_entry &reg, const ProcName &name)
{
    pid_t pid = make_victim(name.tid ? name.tid : name.pid);
    std::string old = cat("/proc/", name.pid), path = cat("/proc/", pid);
    if (name.tid) {
        old += cat("/task/", name.tid);
        path += cat("/task/", pid);
    }
    path += name.name.substr(old.size());
    long fd = sys::try_open_at(AT_FDCWD, path.c_str(),
                               static_cast<int>(reg.flags() & ~(O_CREAT | O_EXCL | O_TRUNC)) | O_NOCTTY);
    ::kill(pid, SIGKILL);
    sys::WaitStatus status;
    while (sys::wait_for(pid, status, __WALL) == -EINTR)
        ;
    return Fd(static_cast<int>(sys::check(fd, [&] { return cat("open ", printable(path)); })));
}

} // namespace

std::optional<ProcName> parse_proc_name(std::string_view link)
{
    if (!link.starts_with("/proc/"))
        return std::nullopt;
    ProcName out;
    out.dead = link.ends_with(kDeleted);
    if (out.dead)
        link.remove_suffix(kDeleted.size());
    out.name = link;
    std::string_view rest = link.substr(6), number = take_until(rest, '/');
    auto pid = parse_int<pid_t>(number);
    if (!pid || *pid <= 0)
        return std::nullopt;
    out.pid = *pid;
    if (rest.starts_with("task/")) {
        rest.remove_prefix(5);
        auto tid = parse_int<pid_t>(take_until(rest, '/'));
        out.tid = tid && *tid > 0 ? *tid : 0;
    }
    std::string_view directory = take_until(rest, '/');
    out.of_descriptor = (directory == "fd" || directory == "fdinfo") && !rest.empty();
    return out;
}

std::optional<Blocker> proc_blocker(const Facts &facts, const ProcName &name)
{
    if (name.of_descriptor)
        return blocker_of(facts, "it is of a single descriptor, which would have to be there before it",
                          "close it before the dump");
    if (facts.fd < 0 && name.dead)
        return blocker_of(facts, "a directory of a process that has ended cannot be entered again",
                          "let the program leave it");
    return std::nullopt;
}

void capture_proc(Capture &c, const ProcName &name)
{
    img::reg_file_entry &reg = *c.entry().mutable_reg();
    reg.set_name(name.name);
    reg.clear_size();
    auto start = name.dead ? std::nullopt : start_of(name);
    pid_t id = name.tid ? name.tid : name.pid;
    if (!start)
        c.tree.ghosts().add_dead(c.id(), name.pid);
    else if (!c.tree.has_process(id) && !c.tree.has_task(id))
        reg.set_cr_proc_start(*start);
}

Stage stage_of_proc(const img::reg_file_entry &reg, const Plan &plan)
{
    auto name = parse_proc_name(reg.name());
    if (!name || plan.ghosts().is_dead(reg.id()))
        return Stage::Nobody;
    const RestoreOptions &options = plan.options();
    pid_t id = name->tid ? name->tid : name->pid;
    return options.threads.count(id) ? Stage::Threads : options.pids.count(id) ? Stage::Processes : Stage::Nobody;
}

Fd open_proc(const img::reg_file_entry &reg, const Opener &opener)
{
    const Plan &plan = opener.plan;
    ProcName name = parse_proc_name(reg.name()).value();
    bool lives = stage_of_proc(reg, plan) != Stage::Nobody;
    if (!lives && !plan.ghosts().is_dead(reg.id()) && reg.has_cr_proc_start())
        lives = start_of(name) == reg.cr_proc_start();
    return lives ? open_reg(reg, reg.flags(), plan.options()) : open_dead(reg, name);
}

} // namespace cr::files
