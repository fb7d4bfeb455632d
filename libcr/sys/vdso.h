// The vDSO: a small ELF library that the kernel maps into every task. Only its segments are ever used by
// programs; behind them come the section headers with what they name, which are for debuggers, and then, up
// to the end of the last page, nothing at all.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace cr::sys
{

// In bytes from the begin.
struct VdsoExtent {
    uint64_t segments = 0; // what programs use
    uint64_t whole = 0;    // with the section headers
};

// Both are the size of the image when that is not an ELF library that can be understood.
VdsoExtent vdso_extent(std::span<const uint8_t> image);

struct VdsoSymbol {
    uint64_t at = 0; // from the begin of the image
    uint64_t size = 0;

    bool operator==(const VdsoSymbol &) const = default;
};

// Its functions by name, by what the dynamic linker goes by; of 64-bit and of 32-bit ones. Empty when it
// cannot be understood. The image may come from anywhere.
std::map<std::string, VdsoSymbol> vdso_symbols(std::span<const uint8_t> image);

// That of our own process, up to the end of its last page: the same as every 64-bit task of this kernel has.
// Empty when there is none (vdso=0).
std::span<const uint8_t> own_vdso();

} // namespace cr::sys
