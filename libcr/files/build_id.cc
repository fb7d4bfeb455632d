#include "libcr/files/build_id.h"

#include "libcr/sys/gate.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <sys/syscall.h>
#include <vector>

namespace cr::files
{

namespace
{

constexpr size_t kMaxNotes = 4096;
constexpr size_t kMaxSegments = 64;

// All n bytes at `offset`, or false.
bool read_at(int fd, void *to, size_t n, uint64_t offset)
{
    return offset < INT64_MAX && sys::call(SYS_pread64, fd, to, n, offset) == static_cast<long>(n);
}

std::string find_note(const std::vector<char> &notes)
{
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
        Elf64_Nhdr head;
        std::memcpy(&head, notes.data() + at, sizeof head);
        at += sizeof head;
        uint64_t name_size = (uint64_t{head.n_namesz} + 3) & ~uint64_t{3};
        uint64_t data_size = (uint64_t{head.n_descsz} + 3) & ~uint64_t{3};
        if (name_size + head.n_descsz > notes.size() - at)
            break;
        const char *name = notes.data() + at;
        if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
            return {name + name_size, head.n_descsz};
        at += std::min<uint64_t>(name_size + data_size, notes.size() - at);
    }
    return {};
}

// The two ELF classes differ only in the widths of the header's fields.
template <class Ehdr, class Phdr> std::string search(int fd)
{
    Ehdr head;
    if (!read_at(fd, &head, sizeof head, 0) || head.e_phentsize != sizeof(Phdr))
        return {};
    std::vector<Phdr> segments(std::min<size_t>(head.e_phnum, kMaxSegments));
    if (segments.empty() || !read_at(fd, segments.data(), segments.size() * sizeof(Phdr), head.e_phoff))
        return {};
    for (const Phdr &segment : segments) {
        if (segment.p_type != PT_NOTE)
            continue;
        std::vector<char> notes(std::min<uint64_t>(segment.p_filesz, kMaxNotes));
        if (!read_at(fd, notes.data(), notes.size(), segment.p_offset))
            continue;
        if (std::string id = find_note(notes); !id.empty())
            return id;
    }
    return {};
}

} // namespace

std::string build_id_of(int fd)
{
    unsigned char ident[EI_NIDENT];
    if (!read_at(fd, ident, sizeof ident, 0) || std::memcmp(ident, ELFMAG, SELFMAG) != 0 ||
        ident[EI_DATA] != ELFDATA2LSB)
        return {};
    if (ident[EI_CLASS] == ELFCLASS64)
        return search<Elf64_Ehdr, Elf64_Phdr>(fd);
    return search<Elf32_Ehdr, Elf32_Phdr>(fd);
}

std::string BuildIds::of(const struct stat &st, const std::function<std::string()> &read)
{
    std::pair key(st.st_dev, st.st_ino);
    {
        std::lock_guard lock(mutex_);
        if (auto known = known_.find(key); known != known_.end())
            return known->second;
    }
    std::string id = read();
    std::lock_guard lock(mutex_);
    return known_.emplace(key, std::move(id)).first->second;
}

} // namespace cr::files
