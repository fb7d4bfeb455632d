#include "libcr/inject/pad.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/inject/slot.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/sys/vdso.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sys/auxv.h>
#include <vector>

namespace cr::inject
{

namespace
{

constexpr uint64_t kTaskEnd = 0x7ffffffff000;
constexpr uint64_t kLowest = 0x10000;

// Whether the same is there, but for what does not count: see Pad::lent.
bool is_our_vdso(const sys::ProcMem &memory, uint64_t at, std::span<const uint8_t> own)
{
    std::vector<uint8_t> theirs(sys::vdso_extent(own).segments);
    return at &&
           memory.read(TargetAddr(at), theirs.data(), theirs.size()) == static_cast<long>(theirs.size()) &&
           memcmp(theirs.data(), own.data(), theirs.size()) == 0;
}

// When too little is unused for calls in a process of several threads. Tests have it lent in any case.
bool must_lend(size_t unused)
{
    const char *asked = ::secure_getenv("CR_PAD");
    return (asked && asked == std::string_view("lent")) ||
           unused < sizeof(PadHeader) + CodeImage::size(2) + CodeImage::kStateSize + Pad::kProgram;
}

uint64_t vdso_of_auxv(const proc::PidDir &dir)
{
    std::string auxv = dir.read_if_there("auxv");
    for (size_t at = 0; at + 16 <= auxv.size(); at += 16) {
        uint64_t pair[2];
        memcpy(pair, auxv.data() + at, 16);
        if (pair[0] == AT_SYSINFO_EHDR)
            return pair[1];
    }
    return 0;
}

struct Mapping {
    uint64_t start = 0, end = 0;
    std::string_view permissions, rest; // rest: offset, device, inode, name
};

// Calls `each` for every line of the text of /proc/PID/maps.
template <class Each> void each_mapping(std::string_view text, Each &&each)
{
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        Mapping m;
        m.start = parse_int<uint64_t>(take_until(line, '-'), 16).value_or(0);
        m.end = parse_int<uint64_t>(take_until(line, ' '), 16).value_or(0);
        m.permissions = take_until(line, ' ');
        m.rest = line;
        each(m);
    }
}

} // namespace

static uint64_t find_vdso(pid_t pid, const sys::ProcMem &memory, std::span<const uint8_t> own)
{
    proc::PidDir dir(pid);
    uint64_t at = vdso_of_auxv(dir);
    if (is_our_vdso(memory, at, own))
        return at;
    at = 0; // moved after its start, or the auxiliary vector was overwritten
    std::string maps = dir.read("maps");
    each_mapping(maps, [&](const Mapping &m) {
        if (m.rest.ends_with("[vdso]"))
            at = m.start;
    });
    if (!at)
        refused("it has no vDSO mapped, which calls are made from");
    if (!is_our_vdso(memory, at, own))
        refused("its vDSO is not the one of this kernel for 64-bit programs");
    return at;
}

Pad find_pad(pid_t pid, const sys::ProcMem &memory, TargetAddr guess)
{
    std::span<const uint8_t> own = sys::own_vdso();
    if (own.empty())
        refused("this process has no vDSO to compare with", "boot without vdso=0");
    uint64_t at = guess.value;
    if (!is_our_vdso(memory, at, own))
        at = find_vdso(pid, memory, own);
    constexpr auto aligned = [](uint64_t n) { return (n + 15) & ~15ull; };
    sys::VdsoExtent extent = sys::vdso_extent(own);
    uint64_t begin = aligned(extent.whole);
    Pad pad;
    if (must_lend(own.size() - begin)) {
        begin = aligned(extent.segments);
        pad.lent = own.subspan(begin, extent.whole - begin);
    }
    pad.vdso = TargetAddr(at);
    pad.at = pad.vdso + begin;
    pad.size = own.size() - begin;
    if (pad.size > sizeof pad.left && memory.read(pad.at, &pad.left, sizeof pad.left) == sizeof pad.left &&
        pad.left.magic != PadHeader::kMagic)
        pad.left = {};
    return pad;
}

TargetAddr guess_area(const Pad &pad, size_t size)
{
    constexpr uint64_t kAway = 0x200000; // from the vDSO: alone in its page tables, never merged with another
    uint64_t at = page_down(pad.vdso.value) + kAway;
    return TargetAddr(at + size + kAway < kTaskEnd ? at : page_down(pad.vdso.value) - 0x40000000);
}

TargetAddr find_area(pid_t pid, size_t size)
{
    // In the middle of the largest gap, far from what may grow into it.
    uint64_t previous = kLowest, best = 0, best_size = 0;
    auto gap = [&](uint64_t start) {
        if (start > previous && start - previous > best_size) {
            best = previous;
            best_size = start - previous;
        }
    };
    std::string maps = proc::PidDir(pid).read("maps");
    each_mapping(maps, [&](const Mapping &m) {
        if (m.end > kTaskEnd)
            return;
        gap(m.start);
        previous = m.end;
    });
    gap(kTaskEnd);
    if (best_size < size + 4 * kPageSize)
        failed_with(ENOMEM, "find a free page in its address space");
    return TargetAddr(page_down(best + best_size / 2));
}

bool leftover_is_there(pid_t pid, const sys::ProcMem &memory, const PadHeader &header)
{
    uint64_t nonce = 0;
    if (header.magic != PadHeader::kMagic || !header.area || !header.nonce ||
        memory.read(TargetAddr(header.area), &nonce, 8) != 8 || nonce != header.nonce)
        return false;
    bool found = false;
    std::string maps = proc::PidDir(pid).read("maps");
    each_mapping(maps, [&](const Mapping &m) {
        if (m.start == header.area && m.end == header.area + header.area_size)
            found = m.permissions == "rw-p" && trim(m.rest) == "00000000 00:00 0";
    });
    return found;
}

} // namespace cr::inject
