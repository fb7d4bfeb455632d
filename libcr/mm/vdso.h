// The vDSO: a small ELF library that the kernel maps into every task, with its data (vvar) beside it.
//
// Dump: its contents are part of the image, as CRIU does it, so that a restore can tell whether the running
// kernel's is the same. What injected code (inject/pad.h) leaves in it is not stored.
//
// Restore: the areas cannot be mapped anew; those that a process has from its birth are moved (mremap) to
// where the image has them. That is right only when the running kernel's vDSO is the image's: same size, same
// functions at the same places; otherwise see vdso_proxy.h. Kernel versions differ in how many areas the data
// takes (vvar, vvar_vclock); each is moved by itself.
#pragma once

#include "libcr/mm/scan.h"
#include "libcr/proc/maps.h"
#include "mm.pb.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cr::mm
{

// A vDSO read from a task as it is stored: with zeros behind the ELF image, and, where it is the `host`'s for
// 64-bit programs, with the section headers of that one, whose bytes are lent to injected code
// (inject/pad.h).
std::vector<uint8_t> complete_vdso(std::vector<uint8_t> image, std::span<const uint8_t> host);

// The areas of a vDSO and its data as they lie in some process; adjacent, sorted.
struct VdsoPlace {
    std::vector<Range> pieces;
    Range vdso{}; // the piece with the code

    TargetAddr start() const { return pieces.front().start; }
    TargetAddr end() const { return pieces.back().end; }
    bool empty() const { return pieces.empty(); }
    // The same pieces with the first one at `start`.
    VdsoPlace at(TargetAddr start) const;
};

// Its code, in our own process.
std::span<const uint8_t> own_bytes(const VdsoPlace &own);

// Of a process that has one as the kernel made it. Empty when it has none.
VdsoPlace find_vdso(const std::vector<proc::Area> &areas);

// Where the areas of an image are, for a kernel whose own are `host`. Nothing when they differ in size or
// order.
std::optional<VdsoPlace> same_place(const img::mm_entry &mm, const VdsoPlace &host);

// Those that this kernel has for processes of either kind of code.
struct Vdsos {
    VdsoPlace native; // as it lies in our own process
    VdsoPlace compat; // somewhere; empty where it was not asked for
    std::vector<uint8_t> compat_code;

    std::span<const uint8_t> code(bool code_32) const { return code_32 ? compat_code : own_bytes(native); }
    const VdsoPlace &of(bool code_32) const { return code_32 ? compat : native; }
};
// With that for 32-bit code, which a short-lived child looks at.
Vdsos find_vdsos(bool also_32);

// Whether code that ran in the one can go on in the other: every symbol is at the same place.
bool same_vdso(std::span<const uint8_t> image, std::span<const uint8_t> host);

} // namespace cr::mm
