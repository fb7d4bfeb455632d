#include "libcr/mm/vdso.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/mm/vma.h"
#include "libcr/sys/vdso.h"

#include <algorithm>

namespace cr::mm
{

std::vector<uint8_t> complete_vdso(std::vector<uint8_t> image, std::span<const uint8_t> host)
{
    sys::VdsoExtent extent = sys::vdso_extent(image);
    auto segments = [&](std::span<const uint8_t> of) { return of.first(extent.segments); };
    auto rest = image.begin() + static_cast<ptrdiff_t>(extent.segments);
    auto end = image.begin() + static_cast<ptrdiff_t>(extent.whole);
    if (image.size() == host.size() && std::ranges::equal(segments(image), segments(host)))
        std::copy_n(host.begin() + static_cast<ptrdiff_t>(extent.segments), end - rest, rest);
    std::fill(end, image.end(), uint8_t{0});
    return image;
}

VdsoPlace VdsoPlace::at(TargetAddr start) const
{
    VdsoPlace out = *this;
    auto moved = [&](Range r) {
        return Range{start + (r.start - this->start()), start + (r.end - this->start())};
    };
    for (Range &piece : out.pieces)
        piece = moved(piece);
    out.vdso = moved(vdso);
    return out;
}

std::span<const uint8_t> own_bytes(const VdsoPlace &own)
{
    return {reinterpret_cast<const uint8_t *>(own.vdso.start.value), own.vdso.size()};
}

VdsoPlace find_vdso(const std::vector<proc::Area> &areas)
{
    VdsoPlace out;
    for (const proc::Area &area : areas) {
        bool code = area.path == "[vdso]";
        if (!code && !area.path.starts_with("[vvar"))
            continue;
        if (!out.empty() && out.end() != area.start)
            refused("the kernel's own areas [vvar] and [vdso] are not together, which is not supported yet");
        out.pieces.push_back({area.start, area.end});
        if (code)
            out.vdso = out.pieces.back();
    }
    return out;
}

std::optional<VdsoPlace> same_place(const img::mm_entry &mm, const VdsoPlace &host)
{
    VdsoPlace theirs;
    uint64_t size = 0;
    for (const auto &vma : mm.vmas()) {
        if (!has(vma, kVmaVdso) && !has(vma, kVmaVvar))
            continue;
        theirs.pieces.push_back({start_of(vma), end_of(vma)});
        size += size_of(vma);
        if (has(vma, kVmaVdso))
            theirs.vdso = theirs.pieces.back();
    }
    if (theirs.empty() || host.empty())
        return std::nullopt;
    VdsoPlace out = host.at(theirs.start());
    if (out.end() != theirs.end() || out.vdso != theirs.vdso || size != out.end() - out.start())
        return std::nullopt;
    return out;
}

bool same_vdso(std::span<const uint8_t> image, std::span<const uint8_t> host)
{
    if (image.size() != host.size())
        return false;
    uint64_t n = sys::vdso_extent(host).segments;
    if (std::ranges::equal(image.first(n), host.first(n)))
        return true;
    auto ours = sys::vdso_symbols(host);
    return !ours.empty() && ours == sys::vdso_symbols(image);
}

} // namespace cr::mm
