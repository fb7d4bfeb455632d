// The flags of a task's memory areas as the kernel has them (vm_flags), which as text are only in
// /proc/PID/smaps, whose every reading walks over all pages: 80 ms for 30,000 areas, 14 ms for each GiB. A BPF
// iterator tells 30,000 in 14 ms and looks at no page.
//
// It needs CAP_BPF, CAP_PERFMON and the kernel's type information, and 1 ms to be made (10 where the types
// cannot be mapped).
#pragma once

#include "libcr/base/fd.h"

#include <cstdint>
#include <optional>
#include <sys/types.h>
#include <vector>

namespace cr::sys
{

struct AreaFlags {
    uint64_t start, end, flags; // VM_READ and so on of linux/mm.h
};

// May be used by several threads.
class AreaFlagReader
{
  public:
    // Nothing when this kernel or our privileges do not allow it.
    static std::optional<AreaFlagReader> make();

    // Those of a thread's memory, ascending; nothing when it fails.
    std::optional<std::vector<AreaFlags>> of(pid_t tid) const;

  private:
    explicit AreaFlagReader(Fd program) : program_(std::move(program)) {}

    Fd program_;
};

} // namespace cr::sys
