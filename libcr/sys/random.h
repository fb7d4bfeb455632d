// A number that nobody else has: names of what must not be taken for another's.
#pragma once

#include "libcr/sys/gate.h"

#include <cstdint>
#include <sys/syscall.h>

namespace cr::sys
{

inline uint64_t random_number()
{
    uint64_t number = 0;
    check(call(SYS_getrandom, &number, sizeof number, 0), "get random bytes");
    return number;
}

} // namespace cr::sys
