// How the areas of tasks were advised, locked and so on, without smaps where the kernel tells that by a BPF
// iterator (sys/area_flags.h). The numbers of most flags are the same in all kernels; that they are so in this
// one is seen on our own areas first. What has any other flag is left to smaps.
#pragma once

#include "libcr/proc/maps.h"
#include "libcr/sys/area_flags.h"

#include <mutex>
#include <span>

namespace cr::mm
{

// One more walk over so much memory takes longer than finding out where the kernel keeps flags.
inline constexpr uint64_t kMuchMemory = 256 << 20;

// Used by several threads.
class FlagReader
{
  public:
    // Whether it can be used; the first question costs some milliseconds.
    bool there();
    // Only when it is there. Nothing when it fails.
    std::optional<std::vector<sys::AreaFlags>> of(pid_t tid) const { return source_->of(tid); }

  private:
    std::once_flag tried_;
    std::optional<sys::AreaFlagReader> source_;
};

// Gives `areas`, as maps has them, their flags; false when these are of other areas, or not to be told without
// smaps.
bool set_flags(std::span<proc::Area> areas, std::span<const sys::AreaFlags> flags);

} // namespace cr::mm
