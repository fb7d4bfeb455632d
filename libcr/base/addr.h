// An address in a target's memory. A type of its own, so that it is never dereferenced here by mistake and
// never mixed up with a file offset (plain uint64_t) or a host pointer.
#pragma once

#include <compare>
#include <cstdint>

namespace cr
{

inline constexpr uint64_t kPageSize = 4096;

struct TargetAddr {
    uint64_t value = 0;

    constexpr TargetAddr() = default;
    constexpr explicit TargetAddr(uint64_t v) : value(v) {}
    constexpr TargetAddr operator+(uint64_t n) const { return TargetAddr(value + n); }
    constexpr TargetAddr operator-(uint64_t n) const { return TargetAddr(value - n); }
    constexpr uint64_t operator-(TargetAddr other) const { return value - other.value; }
    constexpr auto operator<=>(const TargetAddr &) const = default;
};

constexpr uint64_t page_down(uint64_t n) { return n & ~(kPageSize - 1); }
constexpr uint64_t page_up(uint64_t n) { return (n + kPageSize - 1) & ~(kPageSize - 1); }

} // namespace cr
