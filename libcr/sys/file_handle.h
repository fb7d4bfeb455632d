// File handles: a name of an inode that outlives its paths. name_to_handle_at(2), open_by_handle_at(2).
#pragma once

#include "libcr/sys/gate.h"

#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::sys
{

constexpr unsigned kMaxHandle = 128; // MAX_HANDLE_SZ

struct FileHandle {
    unsigned bytes = kMaxHandle;
    int type = 0;
    unsigned char handle[kMaxHandle] = {};
};

// The handle of what `path` leads to; 0 or -errno.
inline long file_handle_of(const char *path, FileHandle &to)
{
    int mount_id;
    return call(SYS_name_to_handle_at, AT_FDCWD, path, &to, &mount_id, AT_SYMLINK_FOLLOW);
}

// A descriptor or -errno. `mount` is any descriptor on that file system.
inline long try_open_handle(int mount, int type, const void *bytes, unsigned n, int flags)
{
    FileHandle handle{n, type, {}};
    if (n > kMaxHandle)
        return -EINVAL;
    std::memcpy(handle.handle, bytes, n);
    return call(SYS_open_by_handle_at, mount, &handle, flags | O_CLOEXEC);
}

} // namespace cr::sys
