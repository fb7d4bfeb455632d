#include "libcr/inject/tree.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::inject
{

namespace
{

// A file of /proc by path: half the calls of an opened directory. One that is a single record (not a list) of
// less than a page ends with a short read.
enum class Form { Record, List };

std::string read_small(const std::string &path, Form form = Form::Record)
{
    long fd = sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC);
    if (sys::is_gone(fd))
        return {};
    sys::check(fd, [&] { return "open " + path; });
    Fd owned(static_cast<int>(fd));
    std::string out;
    for (size_t had = 0;;) {
        out.resize(had + 4096);
        long n = sys::call(SYS_read, owned.get(), out.data() + had, 4096);
        if (sys::is_gone(n))
            return {};
        sys::check(n, [&] { return "read " + path; });
        had += static_cast<size_t>(n);
        if (n == 0 || (form == Form::Record && n < 4096)) {
            out.resize(had);
            return out;
        }
    }
}

std::string task_path(pid_t pid, pid_t tid, const char *name)
{
    return cat("/proc/", pid, "/task/", tid, "/", name);
}

} // namespace

std::vector<pid_t> thread_ids(pid_t pid)
{
    std::string path = cat("/proc/", pid, "/task");
    long fd = sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sys::is_gone(fd))
        return {};
    sys::check(fd, [&] { return "open " + path; });
    Fd owned(static_cast<int>(fd));
    std::vector<pid_t> ids;
    alignas(dirent64) char buffer[16384];
    for (;;) {
        long n = sys::call(SYS_getdents64, owned.get(), buffer, sizeof buffer);
        if (sys::is_gone(n))
            return {};
        sys::check(n, [&] { return "list " + path; });
        if (n == 0)
            break;
        for (long at = 0; at < n;) {
            auto *entry = reinterpret_cast<const dirent64 *>(buffer + at);
            if (auto id = parse_int<pid_t>(entry->d_name))
                ids.push_back(*id);
            at += entry->d_reclen;
        }
    }
    // The leader first.
    std::stable_partition(ids.begin(), ids.end(), [&](pid_t tid) { return tid == pid; });
    return ids;
}

std::vector<pid_t> children_of(pid_t pid, pid_t tid)
{
    std::vector<pid_t> out;
    std::string text = read_small(task_path(pid, tid, "children"), Form::List);
    std::string_view rest = text;
    for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest))
        out.push_back(parse_int<pid_t>(word).value_or(0));
    return out;
}

std::vector<pid_t> children_of(pid_t pid)
{
    std::vector<pid_t> out;
    for (pid_t tid : thread_ids(pid)) {
        auto some = children_of(pid, tid);
        out.insert(out.end(), some.begin(), some.end());
    }
    return out;
}

std::optional<proc::Stat> stat_of(pid_t pid)
{
    std::string text = read_small(cat("/proc/", pid, "/stat"));
    return text.empty() ? std::nullopt : std::optional(proc::parse_stat(text));
}

std::optional<proc::Stat> stat_of(pid_t pid, pid_t tid)
{
    std::string text = read_small(task_path(pid, tid, "stat"));
    return text.empty() ? std::nullopt : std::optional(proc::parse_stat(text));
}

void see_state(pid_t pid, pid_t tid, std::string_view states)
{
    constexpr int kTries = 500;
    for (int i = 0; i < kTries; i++) {
        auto stat = stat_of(pid, tid);
        if (!stat || states.find(stat->state) != states.npos)
            return;
        ::usleep(1000);
    }
}

std::optional<proc::Status> status_of(pid_t pid, pid_t tid)
{
    std::string text = read_small(task_path(pid, tid, "status"));
    return text.empty() ? std::nullopt : std::optional(proc::parse_status(text));
}

std::string name_of(pid_t pid)
{
    std::string text = read_small(cat("/proc/", pid, "/comm"));
    return printable(trim(text));
}

std::string subject_of(pid_t pid)
{
    std::string name = name_of(pid);
    return name.empty() ? cat("pid ", pid) : cat("pid ", pid, " (", name, ")");
}

std::string wchan_of(pid_t pid, pid_t tid)
{
    std::string text = read_small(task_path(pid, tid, "wchan"));
    return text == "0" ? std::string() : printable(trim(text));
}

} // namespace cr::inject
