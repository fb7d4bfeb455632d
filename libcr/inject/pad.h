// The place for code in a stopped task: the end of the page(s) of its vDSO, behind the ELF image. It is
// always mapped, executable and unused, and a write through /proc/PID/mem gives the task a private copy of
// that one page, so that code gets there without anything being run in the task, and nothing that it uses is
// touched.
//
// Where less is unused than the code needs (Linux 6.12) the section headers of the ELF image in front of that
// lend their bytes: no program reads them, the segments alone are what it runs and looks functions up by.
// They are put back when the calls are done. When we are killed before that, or calls fail, a debugger that reads the vDSO
// out of the task's memory finds no symbols there, until the next capture has put them back. They are never
// stored into an image (mm/task_reader.h).
//
// Unused bytes stay as they are when we are gone, and are inherited over fork. They begin with a header that
// records the memory which an earlier capture had mapped in the task, for the case that it was killed and
// could not unmap it.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/sys/procmem.h"

#include <cstdint>
#include <optional>
#include <span>
#include <sys/types.h>

namespace cr::inject
{

struct PadHeader {
    uint64_t magic = 0;
    uint64_t nonce = 0; // also the first word of the area
    uint64_t area = 0;
    uint32_t area_size = 0;
    uint32_t busy = 0; // a capture is under way, or was killed

    static constexpr uint64_t kMagic = 0x31306461'70726321; // "!crpad01"
};

struct Pad {
    // What the program of a capture takes at most besides the calls (run.cc, pad_program).
    static constexpr size_t kProgram = 360;

    TargetAddr vdso; // of the ELF header
    TargetAddr at;   // 16-byte aligned
    size_t size = 0;
    std::span<const uint8_t> lent; // what its first bytes must be when nothing is in use
    PadHeader left; // what an earlier capture left, all 0 if none did
};

// Throws (refused) when the task has no vDSO, another one than this kernel gives, or one without room.
// `guess`: where it may well be (where a relative's is), to save a look; 0 when nothing is known.
Pad find_pad(pid_t pid, const sys::ProcMem &memory, TargetAddr guess = {});

// Where an area of `size` bytes may be mapped in the task. The first guess needs no look at its mappings;
// when that one is taken after all, `look` finds a gap.
TargetAddr guess_area(const Pad &pad, size_t size);
TargetAddr find_area(pid_t pid, size_t size);

// Whether what the header records is a leftover of ours: exactly one private, anonymous, writable mapping
// that begins with the nonce.
bool leftover_is_there(pid_t pid, const sys::ProcMem &memory, const PadHeader &header);

} // namespace cr::inject
