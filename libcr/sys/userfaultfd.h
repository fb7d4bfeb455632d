// userfaultfd(2) as far as write-protection needs it. The descriptor belongs to the address space that it was
// made in; whoever holds it may use it from outside. When the last holder closes it, or dies, the kernel
// takes every protection away and wakes who waited for it: nobody hangs on a holder that is gone.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/sys/gate.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace cr::sys
{

// Linux 6.7: a write takes the protection away, and nobody is told.
inline constexpr uint64_t kUffdWpAsync = 1ull << 15;

inline constexpr uint64_t kEntryWriteProtected = 1ull << 57; // in /proc/PID/pagemap

inline long uffd_begin(int fd, uint64_t features)
{
    uffdio_api api{UFFD_API, features, 0};
    return call(SYS_ioctl, fd, UFFDIO_API, &api);
}

// Whole areas: a part of one would split it.
inline long uffd_watch_writes(int fd, TargetAddr start, uint64_t size)
{
    uffdio_register area{{start.value, size}, UFFDIO_REGISTER_MODE_WP, 0};
    return call(SYS_ioctl, fd, UFFDIO_REGISTER, &area);
}

// Taking a protection away wakes who waited for it. -ENOENT: something is there that is not watched.
inline long uffd_protect(int fd, TargetAddr start, uint64_t size, bool on)
{
    uffdio_writeprotect pages{{start.value, size}, on ? UFFDIO_WRITEPROTECT_MODE_WP : 0ull};
    return call(SYS_ioctl, fd, UFFDIO_WRITEPROTECT, &pages);
}

} // namespace cr::sys
