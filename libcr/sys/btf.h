// The kernel's own type information (/sys/kernel/btf/vmlinux): ids of functions that a BPF program attaches
// to, and where a member lies in a structure. 5 MB that are looked through from the front, which takes up to a
// millisecond for each name, and reading them some more where they cannot be mapped (before Linux 6.16). So this
// is for work that saves more than that. Source: Documentation/bpf/btf.rst, linux/btf.h.
#pragma once

#include <cstdint>
#include <linux/btf.h>
#include <map>
#include <optional>
#include <string>
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
    // own; nothing when there is no such thing.
    std::optional<uint64_t> bits(std::string_view structure, std::string_view path) const;
    // The same in bytes.
    std::optional<uint32_t> member(std::string_view structure, std::string_view path) const;

  private:
    Btf() = default;
    struct Type {
        btf_type head{};
        const char *tail = nullptr; // what follows it, whole
    };
    struct Found {
        uint64_t bits;
        uint32_t type;
    };
    std::string_view name(uint32_t offset) const;
    uint32_t name_offset(std::string_view name) const;
    bool type_in(const char *&at, Type &type) const;
    uint32_t find(uint32_t kind, std::string_view name) const;
    Type type_at(uint32_t id) const;
    uint32_t plain(uint32_t id) const; // without typedef, const and volatile
    std::optional<Found> find_member(uint32_t type, std::string_view member) const;

    const char *bytes_ = nullptr; // mapped
    size_t size_ = 0;
    const char *types_ = nullptr, *types_end_ = nullptr, *strings_ = nullptr;
    size_t strings_size_ = 0;
    mutable std::vector<const char *> marks_; // where each kMark-th type begins, as far as one was asked for
    mutable std::map<std::string, uint32_t, std::less<>> structures_;
};

} // namespace cr::sys
