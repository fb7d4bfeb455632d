// Files below /proc/PID, which are made by the process that they tell of.
//
// - Of a process of the tree: opened by the same name when all processes are born again (Kind::is_late).
// - Of a process outside: by the same name when that very process still runs (it began at the same time);
// else
//   it is as if it had ended, which whoever holds such a file has to expect.
// - Of a dead process: such a file reads as an error. A process is made for it that has that pid and ends at
//   once; where the pid is taken, any other.
//
// Files of single threads are refused: they would have to be opened when those exist.
#pragma once

#include "libcr/files/kind.h"

#include <optional>
#include <string>
#include <string_view>

namespace cr::files
{

struct ProcName {
    pid_t pid = 0;
    bool of_thread = false; // "/proc/42/task/43/..."
    bool dead = false;      // its link ended in " (deleted)"
    std::string name;       // without that
};

// Nothing when it is no name below /proc/PID.
std::optional<ProcName> parse_proc_name(std::string_view link);
std::optional<Blocker> proc_blocker(const Facts &facts, const ProcName &name);
// Name and what is needed to find it again.
void capture_proc(Capture &c, const ProcName &name);
bool is_late_proc(const img::reg_file_entry &reg, const Plan &plan);
Fd open_proc(const img::reg_file_entry &reg, const Opener &opener);

} // namespace cr::files
