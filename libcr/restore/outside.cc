#include "libcr/restore/outside.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::restore
{

namespace
{

std::string file_of(pid_t pid, const char *name) { return cat("/proc/", pid, "/", name); }

int read_number(const std::string &path)
{
    Fd fd(static_cast<int>(sys::check(sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0),
                                      [&] { return "open " + path; })));
    char text[32];
    long n = sys::check(sys::call(SYS_read, fd.get(), text, sizeof text), [&] { return "read " + path; });
    return parse_int<int>(trim(std::string_view(text, static_cast<size_t>(n)))).value_or(0);
}

} // namespace

void set_from_outside(const TaskImage &task)
{
    if (!task.leader().tc().has_oom_score_adj())
        return;
    int wanted = task.leader().tc().oom_score_adj();
    std::string path = file_of(task.pid(), "oom_score_adj");
    if (read_number(path) == wanted)
        return;
    std::string text = cat(wanted);
    Fd fd(static_cast<int>(sys::check(sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY | O_CLOEXEC, 0),
                                      [&] { return "open " + path; })));
    long n = sys::call(SYS_write, fd.get(), text.data(), text.size());
    if (n < 0)
        failed_with(static_cast<int>(-n), cat("set oom_score_adj of pid ", task.pid(), " to ", wanted),
                    "lowering it needs CAP_SYS_RESOURCE");
}

} // namespace cr::restore
