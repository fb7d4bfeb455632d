#include "libcr/mm/vdso.h"

#include <algorithm>
#include <cstring>
#include <elf.h>

namespace cr::mm
{

uint64_t elf_extent(std::span<const uint8_t> image)
{
    Elf64_Ehdr header;
    if (image.size() < sizeof header)
        return image.size();
    std::memcpy(&header, image.data(), sizeof header);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof(Elf64_Phdr) ||
        header.e_phoff > image.size() || header.e_phnum * sizeof(Elf64_Phdr) > image.size() - header.e_phoff)
        return image.size();
    uint64_t end = header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize;
    for (size_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        std::memcpy(&segment, image.data() + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_filesz <= image.size())
            end = std::max(end, segment.p_offset + segment.p_filesz);
    }
    return std::min<uint64_t>(end, image.size());
}

} // namespace cr::mm
