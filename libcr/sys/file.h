// Files and directories: open, read, write, rename. Everything is relative to a directory descriptor;
// descriptors are close-on-exec. Interrupted and short transfers are continued here, so that callers see
// whole ones.
#pragma once

#include "libcr/base/fd.h"

#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace cr::sys
{

// The descriptor, or -errno. O_CLOEXEC is added.
long try_open_at(int dir, const char *path, int flags, mode_t mode = 0);
// Throws "cannot open PATH".
Fd open_at(int dir, const char *path, int flags, mode_t mode = 0);

struct stat stat_of(int fd, std::string_view name);
// Nothing when there is no such name. Links are not followed.
std::optional<struct stat> stat_at(int dir, const char *path);
// Whether a file system is mounted just there (statx(2), Linux 5.8).
bool is_mount_point(const std::string &path);

// 0 or -errno.
long unlink_at(int dir, const char *path, int flags = 0);
long mkdir_at(int dir, const char *path, mode_t mode);
long rename_at(int from_dir, const char *from, int to_dir, const char *to);
// The target of a symbolic link, or nothing.
std::optional<std::string> readlink_at(int dir, const char *path);

// Up to n bytes, less only at the end of the file; the number read. Throws "cannot read NAME".
size_t read_up_to(int fd, void *to, size_t n, std::string_view name);
size_t pread_up_to(int fd, void *to, size_t n, uint64_t offset, std::string_view name);
// All n bytes. Throws "cannot write NAME".
void write_all(int fd, const void *from, size_t n, std::string_view name);

// The names in an open directory, without "." and "..", in no order.
std::vector<std::string> names_in(int dir, std::string_view name);

} // namespace cr::sys
