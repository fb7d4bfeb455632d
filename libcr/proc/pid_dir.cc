#include "libcr/proc/pid_dir.h"

#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::proc
{

PidDir::PidDir(pid_t pid, const std::string &root) : pid_(pid), where_(cat(root, "/", pid))
{
    fd_ = Fd(static_cast<int>(
        sys::check(sys::call(SYS_openat, AT_FDCWD, where_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0),
                   [&] { return "open " + where_; })));
}

PidDir::PidDir(pid_t pid, pid_t tid, const std::string &root)
    : pid_(tid), where_(cat(root, "/", pid, "/task/", tid))
{
    fd_ = Fd(static_cast<int>(
        sys::check(sys::call(SYS_openat, AT_FDCWD, where_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0),
                   [&] { return "open " + where_; })));
}

std::string PidDir::path(const char *name) const { return cat(where_, "/", name); }

std::string PidDir::read(const char *name) const
{
    Fd fd(static_cast<int>(sys::check(sys::call(SYS_openat, fd_.get(), name, O_RDONLY | O_CLOEXEC, 0),
                                      [&] { return "open " + path(name); })));
    std::string out;
    size_t had = 0;
    for (size_t chunk = 4096;; chunk = std::min<size_t>(chunk * 2, 1 << 20)) {
        out.resize(had + chunk);
        long n = sys::call(SYS_read, fd.get(), out.data() + had, chunk);
        if (n == -EINTR)
            continue;
        sys::check(n, [&] { return "read " + path(name); });
        had += static_cast<size_t>(n);
        if (n == 0)
            break;
    }
    out.resize(had);
    return out;
}

std::string PidDir::read_if_there(const char *name) const
{
    try {
        return read(name);
    } catch (const Error &) {
        return {};
    }
}

std::string PidDir::link(const char *name) const
{
    char buffer[4200];
    long n = sys::check(sys::call(SYS_readlinkat, fd_.get(), name, buffer, sizeof buffer),
                        [&] { return "read the link " + path(name); });
    return std::string(buffer, static_cast<size_t>(n));
}

std::vector<int> PidDir::numbers(const char *name) const
{
    Fd fd(static_cast<int>(
        sys::check(sys::call(SYS_openat, fd_.get(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0),
                   [&] { return "open " + path(name); })));
    std::vector<int> out;
    alignas(dirent64) char buffer[32768];
    for (;;) {
        long n = sys::check(sys::call(SYS_getdents64, fd.get(), buffer, sizeof buffer),
                            [&] { return "list " + path(name); });
        if (!n)
            break;
        for (long at = 0; at < n;) {
            auto *entry = reinterpret_cast<dirent64 *>(buffer + at);
            if (auto number = parse_int<int>(entry->d_name))
                out.push_back(*number);
            at += entry->d_reclen;
        }
    }
    std::sort(out.begin(), out.end());
    return out;
}

} // namespace cr::proc
