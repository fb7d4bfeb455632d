#include "libcr/restore/outside.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <set>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::restore
{

namespace
{

std::string file_of(pid_t pid, const char *name) { return cat("/proc/", pid, "/", name); }

int read_number(const std::string &path, int base)
{
    Fd fd(static_cast<int>(sys::check(sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0),
                                      [&] { return "open " + path; })));
    char text[32];
    long n = sys::check(sys::call(SYS_read, fd.get(), text, sizeof text), [&] { return "read " + path; });
    return parse_int<int>(trim(std::string_view(text, static_cast<size_t>(n))), base).value_or(0);
}

// Only where it differs, so that nothing needs a privilege that it can do without.
void set(pid_t pid, const char *name, int wanted, int base, const char *remedy)
{
    std::string path = file_of(pid, name);
    if (read_number(path, base) == wanted)
        return;
    std::string text = cat(wanted);
    Fd fd(static_cast<int>(sys::check(sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY | O_CLOEXEC, 0),
                                      [&] { return "open " + path; })));
    long n = sys::call(SYS_write, fd.get(), text.data(), text.size());
    if (n < 0)
        failed_with(static_cast<int>(-n), cat("set ", name, " of pid ", pid, " to ", wanted), remedy);
}

} // namespace

void set_from_outside(const TaskImage &task)
{
    const img::task_core_entry &tc = task.leader().tc();
    if (tc.has_oom_score_adj())
        set(task.pid(), "oom_score_adj", tc.oom_score_adj(), 10, "lowering it needs CAP_SYS_RESOURCE");
    if (tc.has_cr_coredump_filter())
        set(task.pid(), "coredump_filter", static_cast<int>(tc.cr_coredump_filter()), 16, "");
}

// A session is an autogroup, and has one value; only those sessions are asked that were made here.
void set_autogroups(const ImageSet &images)
{
    auto group_of = [](pid_t pid) {
        std::string text = proc::PidDir(pid).read_if_there("autogroup");
        return text.substr(0, text.find(' '));
    };
    std::set<uint32_t> done;
    std::string ours = group_of(::getpid());
    for (const TaskImage &task : images.tasks) {
        if (task.zombie() || !done.insert(task.tree.sid()).second)
            continue;
        int nice = task.leader().tc().cr_autogroup_nice();
        if (!nice || group_of(task.pid()) == ours)
            continue;
        std::string path = file_of(task.pid(), "autogroup"), text = cat(nice);
        Fd fd(static_cast<int>(
            sys::check(sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY | O_CLOEXEC, 0),
                       [&] { return "open " + path; })));
        long n = sys::call(SYS_write, fd.get(), text.data(), text.size());
        if (n < 0)
            failed_with(static_cast<int>(-n),
                        cat("set the nice value of the autogroup of pid ", task.pid(), " to ", nice),
                        "lowering it needs CAP_SYS_NICE");
    }
}

} // namespace cr::restore
