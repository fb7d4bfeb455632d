#include "libcr/mm/vdso_proxy.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/mm/check.h"
#include "libcr/mm/place.h"
#include "libcr/mm/vma.h"
#include "libcr/sys/vdso.h"

#include <cstring>
#include <elf.h>
#include <set>

namespace cr::mm
{

namespace
{

constexpr uint64_t kTaskSize32 = 0xffffe000; // the 32-bit ABI has addresses below that

// rax is nobody's at the begin of a function: it is neither kept nor an argument. That is so in 64-bit code only,
// but 32-bit code reaches all of its addresses by a near jump, which wraps.
std::vector<uint8_t> jump_code(TargetAddr from, TargetAddr to, bool code_32)
{
    constexpr uint64_t kNearSize = 5;
    auto distance = static_cast<int64_t>(to.value - from.value - kNearSize);
    std::vector<uint8_t> out;
    auto append = [&](auto value) {
        auto bytes = reinterpret_cast<const uint8_t *>(&value);
        out.insert(out.end(), bytes, bytes + sizeof value);
    };
    if (code_32 || distance == static_cast<int32_t>(distance)) {
        out = {0xe9}; // jmp rel32
        append(static_cast<int32_t>(distance));
    } else {
        out = {0x48, 0xb8}; // movabs to, rax
        append(to.value);
        append(uint16_t{0xe0ff}); // jmp *rax
    }
    return out;
}

// These are returned to from signal handlers and depend on nothing; debuggers know them by their bytes.
bool stays(const std::string &name) { return name.find("sigreturn") != std::string::npos; }

} // namespace

std::vector<Jump> jumps_to_host(std::span<const uint8_t> image, TargetAddr at, std::span<const uint8_t> host,
                                TargetAddr to)
{
    const bool code_32 = image.size() > EI_CLASS && image[EI_CLASS] == ELFCLASS32;
    auto functions = sys::vdso_symbols(image), theirs = sys::vdso_symbols(host);
    std::vector<Jump> out;
    std::set<uint64_t> seen; // a function may have two names
    for (const auto &[name, function] : functions) {
        auto found = theirs.find(name);
        if (stays(name) || found == theirs.end() || !seen.insert(function.at).second)
            continue;
        Jump jump{at + function.at, jump_code(at + function.at, to + found->second.at, code_32)};
        if (function.at > image.size() || image.size() - function.at < jump.code.size())
            bad_image(cat("function ", name, " of the vDSO lies outside of it"));
        if (function.size < jump.code.size())
            refused(cat("function ", name, " of the vDSO that the program ran with has only ", function.size,
                        " bytes: no room for a jump to this kernel's"),
                    "restore under the kernel version of the dump");
        out.push_back(std::move(jump));
    }
    if (out.empty())
        refused("the vDSO that the program ran with has no function that this kernel's has too",
                "restore under the kernel version of the dump");
    return out;
}

VdsoPlace place_beside(const img::mm_entry &mm, Range old, const VdsoPlace &host, bool code_32)
{
    TargetAddr limit(code_32 ? kTaskSize32 : kTaskSize);
    uint64_t size = host.end() - host.start();
    TargetAddr next = limit;
    for (const auto &vma : mm.vmas())
        if (start_of(vma) >= old.end)
            next = std::min(next, start_of(vma));
    if (next >= old.end && next - old.end >= size + 2 * kPageSize)
        return host.at(old.end + kPageSize);
    const img::mm_entry *spaces[] = {&mm};
    auto found = free_range(spaces, {}, size + 2 * kPageSize, limit);
    if (!found)
        refused("no room is free for this kernel's vDSO");
    return host.at(*found + kPageSize);
}

} // namespace cr::mm
