// The signals by which somebody asks a program to end, for one that has something to undo first, such as a tree that it
// holds. They are blocked and stay pending, so that whoever looks next meets them again.
#pragma once

#include "libcr/base/fd.h"

#include <chrono>
#include <csignal>

namespace cr::sys
{

inline constexpr int kEndSignals[] = {SIGINT, SIGTERM, SIGHUP};

class EndSignals
{
  public:
    EndSignals(); // blocks them

    // Readable when one has come.
    int fd() const { return fd_.get(); }
    // Waits so long. Throws as soon as one has come.
    void wait(std::chrono::milliseconds time) const;
    void check() const { wait(std::chrono::milliseconds(0)); }

  private:
    Fd fd_;
};

} // namespace cr::sys
