// The time on CLOCK_MONOTONIC.
#pragma once

#include <cstdint>
#include <ctime>

namespace cr
{

inline uint64_t monotonic_ns()
{
    timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return static_cast<uint64_t>(ts.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(ts.tv_nsec);
}

inline uint64_t monotonic_us() { return monotonic_ns() / 1000; }

} // namespace cr
