// The vDSO: a small ELF library that the kernel maps into every task. Its contents are part of the image, as
// CRIU does it, so that a restore can tell whether the running kernel's is the same. Behind the ELF, up to
// the end of its last page, the area is unused; there our injected code lies during a dump (it may stay
// behind), so that tail is stored as zeros.
#pragma once

#include <cstdint>
#include <span>

namespace cr::mm
{

// The number of bytes that belong to the ELF; all of them when it is not one that can be understood.
uint64_t elf_extent(std::span<const uint8_t> image);

} // namespace cr::mm
