// The stages between cr-freeze and cr-thaw, as threads of one process: what a dump by `cr` or by the library is made of.
// cr-freeze, which holds the tree, and cr-thaw, which says what has become of it, are processes of their own.
#pragma once

#include "libcr/base/fd.h"

#include <span>
#include <string_view>
#include <vector>

namespace cr::session
{

struct StageEntry {
    std::string_view name;       // "cr-dump-mm"
    int (*run)(int in, int out); // as run_stage
};

// In their order.
std::span<const StageEntry> stages();
const StageEntry *find_stage(std::string_view name);

// Each in a thread, the last in this one, with pipes between them. Returns 0 when all did.
int run_stages(const std::vector<StageEntry> &some, Fd in, Fd out);

} // namespace cr::session
