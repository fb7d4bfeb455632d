// The kernel's own type information (/sys/kernel/btf/vmlinux): ids of functions that a BPF program attaches
// to, and where a member lies in a structure. 5 MB that are looked through once, from the front: 1 ms, and
// reading them 5 to 9 where they cannot be mapped (before Linux 6.16). So this is for work that saves more
// than that. Source: Documentation/bpf/btf.rst, linux/btf.h.
#pragma once

#include <cstdint>
#include <linux/btf.h>
#include <optional>
#include <string_view>
#include <vector>

namespace cr::sys
{

class Btf
{
  public:
    // Nothing when the kernel has none or it makes no sense.
    static std::optional<Btf> of_kernel();
    Btf(Btf &&other) noexcept;
    ~Btf();

    // The id of a function; 0 when there is none of the name.
    uint32_t function(std::string_view name) const;
    // The offset in bits of "a.b.c" in `structure`, members of unnamed structures and unions within being its
    // own; nothing when there is no such thing. The first question indexes all types, 5 ms.
    std::optional<uint64_t> bits(std::string_view structure, std::string_view path) const;
    // The offset in bytes of a member of `structure`, or of an unnamed structure or union in it; nothing when
    // either is not there.
    std::optional<uint32_t> member(std::string_view structure, std::string_view member) const;

  private:
    Btf() = default;
    template <class See> void for_types(const See &see) const;
    std::string_view name(uint32_t offset) const;
    struct Found {
        uint64_t bits;
        uint32_t type;
    };
    std::optional<Found> find(uint32_t type, std::string_view member) const;
    btf_type type_at(uint32_t id) const;
    uint32_t plain(uint32_t id) const; // without typedef, const and volatile

    const char *bytes_ = nullptr;
    size_t size_ = 0;
    bool mapped_ = false;
    std::vector<char> copy_;
    const char *types_ = nullptr, *types_end_ = nullptr, *strings_ = nullptr;
    size_t strings_size_ = 0;
    mutable std::vector<uint32_t> index_; // where the type of each id begins
};

} // namespace cr::sys
