#include "libcr/sys/file.h"

#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <climits>
#include <cstring>
#include <dirent.h>
#include <sys/syscall.h>

namespace cr::sys
{

long try_open_at(int dir, const char *path, int flags, mode_t mode)
{
    return call(SYS_openat, dir, path, flags | O_CLOEXEC, mode);
}

Fd open_at(int dir, const char *path, int flags, mode_t mode)
{
    return Fd(static_cast<int>(
        check(try_open_at(dir, path, flags, mode), [&] { return cat("open ", printable(path)); })));
}

struct stat stat_of(int fd, std::string_view name)
{
    struct stat st;
    check(call(SYS_fstat, fd, &st), [&] { return cat("stat ", name); });
    return st;
}

std::optional<struct stat> stat_at(int dir, const char *path)
{
    struct stat st;
    long r = call(SYS_newfstatat, dir, path, &st, AT_SYMLINK_NOFOLLOW);
    if (r == -ENOENT || r == -ENOTDIR)
        return std::nullopt;
    check(r, [&] { return cat("stat ", printable(path)); });
    return st;
}

bool is_mount_point(const std::string &path)
{
    constexpr uint64_t kRoot = 0x2000; // STATX_ATTR_MOUNT_ROOT
    struct statx about {
    };
    return call(SYS_statx, AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, 0, &about) == 0 && about.stx_attributes & kRoot;
}

long unlink_at(int dir, const char *path, int flags) { return call(SYS_unlinkat, dir, path, flags); }

long mkdir_at(int dir, const char *path, mode_t mode) { return call(SYS_mkdirat, dir, path, mode); }

long rename_at(int from_dir, const char *from, int to_dir, const char *to)
{
    return call(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

std::optional<std::string> readlink_at(int dir, const char *path)
{
    char buffer[PATH_MAX];
    long n = call(SYS_readlinkat, dir, path, buffer, sizeof buffer);
    if (n < 0)
        return std::nullopt;
    return std::string(buffer, static_cast<size_t>(n));
}

namespace
{

// Repeats `transfer(done)` until n bytes went through or it says 0.
template <class Transfer> size_t repeat(size_t n, const char *verb, std::string_view name, Transfer transfer)
{
    size_t done = 0;
    while (done < n) {
        long r = transfer(done);
        if (r == -EINTR)
            continue;
        check(r, [&] { return cat(verb, " ", name); });
        if (r == 0)
            break;
        done += static_cast<size_t>(r);
    }
    return done;
}

} // namespace

size_t read_up_to(int fd, void *to, size_t n, std::string_view name)
{
    return repeat(n, "read", name,
                  [&](size_t done) { return call(SYS_read, fd, static_cast<char *>(to) + done, n - done); });
}

size_t pread_up_to(int fd, void *to, size_t n, uint64_t offset, std::string_view name)
{
    return repeat(n, "read", name, [&](size_t done) {
        return call(SYS_pread64, fd, static_cast<char *>(to) + done, n - done, offset + done);
    });
}

void write_all(int fd, const void *from, size_t n, std::string_view name)
{
    size_t done = repeat(n, "write", name, [&](size_t at) {
        return call(SYS_write, fd, static_cast<const char *>(from) + at, n - at);
    });
    if (done < n)
        failed_with(ENOSPC, cat("write ", name));
}

std::vector<std::string> names_in(int dir, std::string_view name)
{
    std::vector<std::string> out;
    Fd again = open_at(dir, ".", O_RDONLY | O_DIRECTORY);
    alignas(struct dirent64) char buffer[32768];
    for (;;) {
        long n = check(call(SYS_getdents64, again.get(), buffer, sizeof buffer),
                       [&] { return cat("list ", name); });
        if (n == 0)
            return out;
        for (long at = 0; at < n;) {
            auto *entry = reinterpret_cast<struct dirent64 *>(buffer + at);
            if (std::strcmp(entry->d_name, ".") && std::strcmp(entry->d_name, ".."))
                out.emplace_back(entry->d_name);
            at += entry->d_reclen;
        }
    }
}

} // namespace cr::sys
