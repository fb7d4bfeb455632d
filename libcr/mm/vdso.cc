#include "libcr/mm/vdso.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/mm/vma.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <map>
#include <string>

namespace cr::mm
{

namespace
{

template <class T> std::optional<T> take(std::span<const uint8_t> bytes, uint64_t offset)
{
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
        return std::nullopt;
    T out;
    std::memcpy(&out, bytes.data() + offset, sizeof out);
    return out;
}

std::optional<Elf64_Ehdr> elf_header(std::span<const uint8_t> image)
{
    auto header = take<Elf64_Ehdr>(image, 0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_phentsize != sizeof(Elf64_Phdr))
        return std::nullopt;
    return header;
}

std::string text_at(std::span<const uint8_t> bytes, uint64_t offset)
{
    std::string out;
    while (offset < bytes.size() && bytes[offset])
        out += static_cast<char>(bytes[offset++]);
    return out;
}

// Name to place of every dynamic symbol, by the section headers (all kernels' vDSOs have them).
std::map<std::string, uint64_t> symbols(std::span<const uint8_t> image)
{
    std::map<std::string, uint64_t> out;
    auto header = elf_header(image);
    if (!header)
        return out;
    for (size_t i = 0; i < header->e_shnum; i++) {
        auto section = take<Elf64_Shdr>(image, header->e_shoff + i * sizeof(Elf64_Shdr));
        if (!section || section->sh_type != SHT_DYNSYM)
            continue;
        auto names = take<Elf64_Shdr>(image, header->e_shoff + section->sh_link * sizeof(Elf64_Shdr));
        if (!names)
            continue;
        for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= section->sh_size; at += sizeof(Elf64_Sym)) {
            auto symbol = take<Elf64_Sym>(image, section->sh_offset + at);
            if (!symbol)
                break;
            if (symbol->st_name)
                out[text_at(image, names->sh_offset + symbol->st_name)] = symbol->st_value;
        }
    }
    return out;
}

} // namespace

uint64_t elf_extent(std::span<const uint8_t> image)
{
    auto header = elf_header(image);
    if (!header)
        return image.size();
    uint64_t end = header->e_shoff + uint64_t{header->e_shnum} * header->e_shentsize;
    for (size_t i = 0; i < header->e_phnum; i++) {
        auto segment = take<Elf64_Phdr>(image, header->e_phoff + i * sizeof(Elf64_Phdr));
        if (!segment)
            return image.size();
        if (segment->p_filesz <= image.size())
            end = std::max(end, segment->p_offset + segment->p_filesz);
    }
    return std::min<uint64_t>(end, image.size());
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

VdsoPlace place_vdso(const img::mm_entry &mm, const VdsoPlace &host)
{
    const img::vma_entry *vdso = nullptr, *vvar = nullptr;
    for (const auto &vma : mm.vmas()) {
        if (has(vma, kVmaVdso))
            vdso = &vma;
        if (has(vma, kVmaVvar))
            vvar = &vma;
    }
    if (!vdso && !vvar)
        return {};
    if (host.empty())
        refused("the program uses a vDSO and this kernel has none");
    if (!vdso || !vvar)
        refused("the program has only a part of [vvar] and [vdso], which is not supported yet");
    TargetAddr start = std::min(start_of(*vdso), start_of(*vvar)),
               end = std::max(end_of(*vdso), end_of(*vvar));
    VdsoPlace out = host.at(start);
    if (out.end() != end || out.vdso != Range{start_of(*vdso), end_of(*vdso)} ||
        size_of(*vdso) + size_of(*vvar) != end - start)
        refused("the kernel's vDSO has another size or order than the one the program ran with, which is not "
                "supported yet",
                "restore under the kernel version of the dump");
    return out;
}

bool same_vdso(std::span<const uint8_t> image, std::span<const uint8_t> host)
{
    uint64_t n = elf_extent(host);
    if (image.size() != host.size())
        return false;
    if (std::equal(image.begin(), image.begin() + static_cast<ptrdiff_t>(n), host.begin()))
        return true;
    auto ours = symbols(host);
    return !ours.empty() && ours == symbols(image);
}

} // namespace cr::mm
