// /proc/PID/mem: a task's memory past its protections. Writes go through read-only and executable mappings
// (the page becomes the task's own copy), reads through PROT_NONE. The descriptor stays with the address
// space that was there as it was opened: after an execve it reads nothing, never the new program.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>

namespace cr::sys
{

class ProcMem
{
  public:
    ProcMem() = default;
    // Throws "cannot open /proc/PID/mem".
    explicit ProcMem(pid_t pid)
    {
        std::string path = cat("/proc/", pid, "/mem");
        fd_ = Fd(static_cast<int>(check(call(SYS_openat, AT_FDCWD, path.c_str(), O_RDWR | O_CLOEXEC),
                                        [&] { return "open " + path; })));
    }

    // Bytes, or -errno (-EIO: nothing is mapped there).
    long read(TargetAddr from, void *to, size_t size) const
    {
        return call(SYS_pread64, fd_.get(), to, size, from.value);
    }
    long write(TargetAddr to, const void *from, size_t size) const
    {
        return call(SYS_pwrite64, fd_.get(), from, size, to.value);
    }
    explicit operator bool() const { return static_cast<bool>(fd_); }
    int fd() const { return fd_.get(); }

  private:
    Fd fd_;
};

} // namespace cr::sys
