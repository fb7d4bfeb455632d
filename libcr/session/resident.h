// How much memory there is to copy, about.
#pragma once

#include <cstdint>
#include <sys/types.h>

namespace cr::session
{

// Bytes that are there and not in files.
uint64_t private_memory(pid_t pid);
// The same of a task and all its descendants, as they are at the moment.
uint64_t memory_of_tree(pid_t root);

} // namespace cr::session
