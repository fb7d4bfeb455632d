// How many CPUs the kernel may ever have to do with: what it has of something for each CPU, it has that often.
#pragma once

#include <cstdint>

namespace cr::sys
{

uint32_t possible_cpus();

} // namespace cr::sys
