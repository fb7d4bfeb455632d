// O_NONBLOCK for a few calls on a description that may have other flags.
#pragma once

#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::sys
{

class NonBlocking
{
  public:
    explicit NonBlocking(int fd)
        : fd_(fd), flags_(check(call(SYS_fcntl, fd, F_GETFL), "read the flags of a descriptor"))
    {
        check(call(SYS_fcntl, fd_, F_SETFL, flags_ | O_NONBLOCK), "keep a descriptor from waiting (O_NONBLOCK)");
    }
    ~NonBlocking()
    {
        if (call(SYS_fcntl, fd_, F_SETFL, flags_) < 0)
            call(SYS_fcntl, fd_, F_SETFL, flags_);
    }
    NonBlocking(const NonBlocking &) = delete;
    NonBlocking &operator=(const NonBlocking &) = delete;

  private:
    int fd_;
    long flags_; // as they were
};

} // namespace cr::sys
