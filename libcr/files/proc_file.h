// Files below /proc/PID, which are made by the process that they tell of.
//
// - Of a process or thread of the tree: opened by the same name when all of them are born again (Kind::stage).
// - Of one outside: by the same name when that very one still runs (it began at the same time); else it is as if
//   it had ended, which whoever holds such a file has to expect.
// - Of a dead one: such a file reads as an error. A process is made for it that has that pid and ends at
//   once; where the pid is taken, any other.
#pragma once

#include "libcr/files/kind.h"

#include <optional>
#include <string>
#include <string_view>

namespace cr::files
{

struct ProcName {
    pid_t pid = 0;
    pid_t tid = 0;          // of "/proc/42/task/43/..."
    bool of_descriptor = false; // "/proc/42/fdinfo/5" and the like
    bool dead = false;      // its link ended in " (deleted)"
    std::string name;       // without that
};

// Nothing when it is no name below /proc/PID.
std::optional<ProcName> parse_proc_name(std::string_view link);
std::optional<Blocker> proc_blocker(const Facts &facts, const ProcName &name);
// Name and what is needed to find it again.
void capture_proc(Capture &c, const ProcName &name);
Stage stage_of_proc(const img::reg_file_entry &reg, const Plan &plan);
Fd open_proc(const img::reg_file_entry &reg, const Opener &opener);

} // namespace cr::files
