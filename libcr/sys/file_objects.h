// The descriptors of a process as the kernel's own tables have them: flags, offset, close-on-exec, and a
// number for each open file description. Equal numbers are one description. A BPF iterator tells 10,000 of
// them in 4 ms; /proc/PID/fdinfo needs 8 us for each, and comparing descriptions in pairs (kcmp) n log n
// calls of 0.9 us.
//
// It needs CAP_BPF, CAP_PERFMON and the kernel's type information, and 1 ms to be made (10 where the types
// cannot be mapped), so it is for large tables; whoever uses it has /proc and kcmp to fall back to.
//
// The program is some thirty instructions, written out in file_objects.cc; it runs in the kernel, once for
// each descriptor, and changes nothing.
#pragma once

#include "libcr/base/fd.h"

#include <cstdint>
#include <optional>
#include <sys/types.h>
#include <vector>

namespace cr::sys
{

struct FileObject {
    uint32_t fd;
    uint32_t flags; // as F_GETFL gives them, and O_CLOEXEC for the descriptor
    uint64_t offset;
    uint64_t number;
};

class FileObjects
{
  public:
    // Nothing when this kernel or our privileges do not allow it.
    static std::optional<FileObjects> make();

    // Those of one process, by ascending descriptors; nothing when it fails.
    std::optional<std::vector<FileObject>> of(pid_t pid) const;

  private:
    explicit FileObjects(Fd program) : program_(std::move(program)) {}

    Fd program_;
};

} // namespace cr::sys
