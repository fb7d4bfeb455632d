#include "libcr/sys/vdso.h"

#include "libcr/base/addr.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <optional>
#include <sys/auxv.h>

namespace cr::sys
{

namespace
{

using Bytes = std::span<const uint8_t>;

template <class T> std::optional<T> take(Bytes bytes, uint64_t offset)
{
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
        return std::nullopt;
    T out;
    std::memcpy(&out, bytes.data() + offset, sizeof out);
    return out;
}

// A kernel's vDSO has some ten symbols. More, or longer names, are nobody's.
constexpr uint64_t kMostSymbols = 1000;
constexpr size_t kLongestName = 256;

std::string text_at(Bytes bytes, uint64_t offset)
{
    std::string out;
    while (offset < bytes.size() && bytes[offset] && out.size() < kLongestName)
        out += static_cast<char>(bytes[offset++]);
    return out;
}

// The types of either kind of ELF.
struct Elf64 {
    using Header = Elf64_Ehdr;
    using Segment = Elf64_Phdr;
    using Dynamic = Elf64_Dyn;
    using Symbol = Elf64_Sym;
    static constexpr uint8_t kClass = ELFCLASS64;
};
struct Elf32 {
    using Header = Elf32_Ehdr;
    using Segment = Elf32_Phdr;
    using Dynamic = Elf32_Dyn;
    using Symbol = Elf32_Sym;
    static constexpr uint8_t kClass = ELFCLASS32;
};

template <class Elf> class Image
{
  public:
    explicit Image(Bytes bytes) : bytes_(bytes)
    {
        auto header = take<typename Elf::Header>(bytes, 0);
        if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
            header->e_ident[EI_CLASS] != Elf::kClass || header->e_phentsize != sizeof(typename Elf::Segment))
            return;
        for (uint64_t i = 0; i < header->e_phnum; i++) {
            auto segment =
                take<typename Elf::Segment>(bytes, header->e_phoff + i * sizeof(typename Elf::Segment));
            if (!segment)
                return;
            if (segment->p_offset > bytes.size() || segment->p_filesz > bytes.size() - segment->p_offset)
                continue;
            extent_.segments = std::max<uint64_t>(extent_.segments, segment->p_offset + segment->p_filesz);
            if (segment->p_type == PT_LOAD)
                higher_ = segment->p_vaddr - segment->p_offset;
            if (segment->p_type == PT_DYNAMIC)
                dynamic_ = bytes.subspan(segment->p_offset, segment->p_filesz);
        }
        uint64_t sections = header->e_shoff + uint64_t{header->e_shnum} * header->e_shentsize;
        extent_.whole = std::min<uint64_t>(std::max(sections, extent_.segments), bytes.size());
        understood_ = true;
    }

    bool understood() const { return understood_; }
    VdsoExtent extent() const { return extent_; }

    std::map<std::string, VdsoSymbol> symbols() const
    {
        std::map<std::string, VdsoSymbol> out;
        auto table = place(DT_SYMTAB), names = place(DT_STRTAB);
        if (!table || !names)
            return out;
        uint64_t count = std::min(symbol_count(), kMostSymbols);
        for (uint64_t i = 1; i < count; i++) {
            auto symbol = take<typename Elf::Symbol>(bytes_, *table + i * sizeof(typename Elf::Symbol));
            if (!symbol)
                break;
            if (symbol->st_name && symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS)
                out[text_at(bytes_, *names + symbol->st_name)] = {symbol->st_value - higher_,
                                                                  symbol->st_size};
        }
        return out;
    }

  private:
    // Where in the image an entry of the dynamic section points to.
    std::optional<uint64_t> place(int64_t tag) const
    {
        for (uint64_t at = 0;; at += sizeof(typename Elf::Dynamic)) {
            auto entry = take<typename Elf::Dynamic>(dynamic_, at);
            if (!entry || entry->d_tag == DT_NULL)
                return std::nullopt;
            if (entry->d_tag == tag)
                return entry->d_un.d_ptr - higher_;
        }
    }

    // No entry says how many there are, but either hash table implies it.
    uint64_t symbol_count() const
    {
        struct Hash {
            uint32_t buckets, chains;
        };
        if (auto at = place(DT_HASH))
            if (auto hash = take<Hash>(bytes_, *at))
                return hash->chains;
        struct GnuHash {
            uint32_t buckets, first, words, shift;
        };
        auto at = place(DT_GNU_HASH);
        auto hash = at ? take<GnuHash>(bytes_, *at) : std::nullopt;
        if (!hash)
            return 0;
        uint64_t buckets = *at + sizeof *hash + uint64_t{hash->words} * (Elf::kClass == ELFCLASS64 ? 8 : 4);
        uint64_t chains = buckets + uint64_t{hash->buckets} * 4, last = 0;
        for (uint32_t i = 0; i < hash->buckets; i++) {
            auto bucket = take<uint32_t>(bytes_, buckets + uint64_t{i} * 4);
            if (!bucket)
                return 0;
            last = std::max<uint64_t>(last, *bucket);
        }
        if (last < hash->first)
            return 0;
        for (;; last++) { // the lowest bit ends a chain
            auto chain = take<uint32_t>(bytes_, chains + (last - hash->first) * 4);
            if (!chain || (*chain & 1))
                return chain ? last + 1 : 0;
        }
    }

    Bytes bytes_, dynamic_;
    VdsoExtent extent_;
    uint64_t higher_ = 0; // addresses in it than places in it
    bool understood_ = false;
};

} // namespace

VdsoExtent vdso_extent(Bytes image)
{
    Image<Elf64> elf(image);
    Image<Elf32> elf_32(image);
    if (elf.understood())
        return elf.extent();
    return elf_32.understood() ? elf_32.extent() : VdsoExtent{image.size(), image.size()};
}

std::map<std::string, VdsoSymbol> vdso_symbols(Bytes image)
{
    Image<Elf64> elf(image);
    return elf.understood() ? elf.symbols() : Image<Elf32>(image).symbols();
}

Bytes own_vdso()
{
    auto begin = reinterpret_cast<const uint8_t *>(getauxval(AT_SYSINFO_EHDR));
    if (!begin)
        return {};
    // How much of it may be looked at is not known before its header was.
    Elf64_Ehdr header;
    std::memcpy(&header, begin, sizeof header);
    uint64_t end = header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize;
    for (uint64_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        std::memcpy(&segment, begin + header.e_phoff + i * sizeof segment, sizeof segment);
        end = std::max(end, segment.p_offset + segment.p_filesz);
    }
    return {begin, page_up(end)};
}

} // namespace cr::sys
