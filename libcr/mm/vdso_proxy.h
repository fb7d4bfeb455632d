// A program restored under a kernel with another vDSO than it ran with. It goes on to call functions at the
// addresses it has found in the old one, and may stand in it. So the old vDSO stays where it was, as ordinary
// memory, and each of its functions begins with a jump to that of the running kernel's, which lies beside it.
//
// Of the data (vvar) that code of the old one reads zeros are left. A function that stood in the midst of it
// finds that its data have changed, begins again, and finds a clock that must be asked for by a system call.
// The same becomes of functions that the running kernel does not have (getrandom: not ready). So what the old
// kernel's data looked like need not be known.
#pragma once

#include "libcr/mm/vdso.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cr::mm
{

struct Jump {
    TargetAddr at;
    std::vector<uint8_t> code;

    bool operator==(const Jump &) const = default;
    // Whether a thread at `rip` stands where the code would be cut in two.
    bool splits(TargetAddr rip) const { return at < rip && rip < at + code.size(); }
};

// From the functions of `image`, which is at `at`, to those of `host` at `to`. Throws Refused where that
// cannot be.
std::vector<Jump> jumps_to_host(std::span<const uint8_t> image, TargetAddr at, std::span<const uint8_t> host,
                                TargetAddr to);

// Where the areas of `host` come to lie: free in `mm`, and near `old` where there is room.
VdsoPlace place_beside(const img::mm_entry &mm, Range old, const VdsoPlace &host, bool code_32);

} // namespace cr::mm
