// Which descriptors share one open description? Those that kcmp(2) finds equal. It also orders descriptions,
// so a set of n candidates takes n log n calls of 0.9 us; to keep n small, only descriptors are compared that
// look the same (device, inode, flags). Large sets (thousands of descriptors of /dev/null, all eventfds) are
// divided by their offsets too; small ones are not, since an offset may move between two looks at it when a
// process outside of the stopped tree shares the description.
#pragma once

#include "libcr/files/facts.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace cr::files
{

using Compare = std::function<int(const Facts &, const Facts &)>;

// kcmp on the tasks the facts are of.
int compare_descriptions(const Facts &a, const Facts &b);

// For each of `all`, the index of the first one in it that refers to the same description. Facts that are not
// of a descriptor (kCwd, kRoot, kClaim) share with nobody.
std::vector<uint32_t> identify(const std::vector<const Facts *> &all, const Compare &compare);

// For each of `all`, the first one that is the same file under the same name, with the same flags: whatever is
// found out by the name holds for all of them. What has no name, or
// a lock, is its own.
std::vector<uint32_t> first_alike(const std::vector<const Facts *> &all);

} // namespace cr::files
