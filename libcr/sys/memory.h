// Copying to and from the memory of another task.
//
// process_vm_readv and process_vm_writev go by the task's page tables and respect its protections: no access
// to an area without PROT_READ (PROT_WRITE). /proc/PID/mem overrides protections, one contiguous range per
// call.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/sys/gate.h"

#include <climits>
#include <cstddef>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace cr::sys
{

inline constexpr size_t kMaxVectors = IOV_MAX;

inline iovec remote(TargetAddr address, size_t n) { return {reinterpret_cast<void *>(address.value), n}; }

// The number of bytes, less than asked for where the memory ends, or -errno.
inline long read_memory(pid_t pid, const iovec *to, size_t n_to, const iovec *from, size_t n_from)
{
    return call(SYS_process_vm_readv, pid, to, n_to, from, n_from, 0);
}
inline long write_memory(pid_t pid, const iovec *from, size_t n_from, const iovec *to, size_t n_to)
{
    return call(SYS_process_vm_writev, pid, from, n_from, to, n_to, 0);
}
// Through /proc/PID/mem, open at `mem_fd`.
inline long read_memory_file(int mem_fd, void *to, size_t n, TargetAddr from)
{
    return call(SYS_pread64, mem_fd, to, n, from.value);
}

} // namespace cr::sys
