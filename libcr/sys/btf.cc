#include "libcr/sys/btf.h"

#include "libcr/base/fd.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <linux/btf.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <utility>

namespace cr::sys
{

namespace
{

// What follows a type of each kind, in bytes: so much, and so much for each of its parts.
struct Tail {
    uint32_t all = 0, each = 0;
};
constexpr auto kTails = [] {
    std::array<Tail, NR_BTF_KINDS> tails{};
    tails[BTF_KIND_INT] = tails[BTF_KIND_VAR] = tails[BTF_KIND_DECL_TAG] = {4, 0};
    tails[BTF_KIND_ARRAY] = {sizeof(btf_array), 0};
    tails[BTF_KIND_STRUCT] = tails[BTF_KIND_UNION] = {0, sizeof(btf_member)};
    tails[BTF_KIND_ENUM] = {0, sizeof(btf_enum)};
    tails[BTF_KIND_FUNC_PROTO] = {0, sizeof(btf_param)};
    tails[BTF_KIND_DATASEC] = {0, sizeof(btf_var_secinfo)};
    tails[BTF_KIND_ENUM64] = {0, sizeof(btf_enum64)};
    return tails;
}();

size_t tail_of(uint32_t info)
{
    uint32_t kind = BTF_INFO_KIND(info);
    if (kind >= kTails.size())
        return SIZE_MAX; // whose length nobody here knows
    return kTails[kind].all + size_t{BTF_INFO_VLEN(info)} * kTails[kind].each;
}

constexpr uint32_t kMark = 64;

bool is_error(long mapped) { return mapped < 0 && mapped >= -4095; }

} // namespace

std::optional<Btf> Btf::of_kernel()
{
    long fd = try_open_at(AT_FDCWD, "/sys/kernel/btf/vmlinux", O_RDONLY);
    if (fd < 0)
        return std::nullopt;
    Fd file(static_cast<int>(fd));
    Btf btf;
    btf.size_ = static_cast<size_t>(stat_of(file.get(), "the kernel's types").st_size);
    size_t size = btf.size_;
    long at = call(SYS_mmap, nullptr, btf.size_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file.get(), 0);
    if (is_error(at)) {
        at = call(SYS_mmap, nullptr, btf.size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (is_error(at))
            return std::nullopt;
        size = read_up_to(file.get(), reinterpret_cast<char *>(at), btf.size_, "the kernel's types");
    }
    btf.bytes_ = reinterpret_cast<const char *>(at);
    btf_header head;
    if (size < sizeof head)
        return std::nullopt;
    std::memcpy(&head, btf.bytes_, sizeof head);
    uint64_t begin = head.hdr_len;
    if (head.magic != BTF_MAGIC || begin + head.type_off + head.type_len > size ||
        begin + head.str_off + head.str_len > size || head.str_len == 0)
        return std::nullopt;
    btf.types_ = btf.bytes_ + begin + head.type_off;
    btf.types_end_ = btf.types_ + head.type_len;
    btf.strings_ = btf.bytes_ + begin + head.str_off;
    btf.strings_size_ = head.str_len;
    return btf;
}

Btf::Btf(Btf &&other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)), size_(other.size_), types_(other.types_),
      types_end_(other.types_end_), strings_(other.strings_), strings_size_(other.strings_size_),
      marks_(std::move(other.marks_)), structures_(std::move(other.structures_))
{
}

Btf::~Btf()
{
    if (bytes_)
        call(SYS_munmap, bytes_, size_);
}

std::string_view Btf::name(uint32_t offset) const
{
    if (offset >= strings_size_)
        return {};
    return {strings_ + offset, ::strnlen(strings_ + offset, strings_size_ - offset)};
}

// Each name is there once (btf__dedup() of the kernel's build), so that comparing offsets is comparing names. 0, that
// of no name, when there is none.
uint32_t Btf::name_offset(std::string_view name) const
{
    std::string whole = '\0' + std::string(name) + '\0';
    // Not by std::string_view, which would stop at every NUL.
    auto at = static_cast<const char *>(::memmem(strings_, strings_size_, whole.data(), whole.size()));
    return at ? static_cast<uint32_t>(at + 1 - strings_) : 0;
}

// The type at `at`, which moves behind it. False when no whole one is there.
inline bool Btf::type_in(const char *&at, Type &type) const
{
    if (static_cast<size_t>(types_end_ - at) < sizeof type.head)
        return false;
    std::memcpy(&type.head, at, sizeof type.head);
    type.tail = at + sizeof type.head;
    size_t tail = tail_of(type.head.info);
    if (tail > static_cast<size_t>(types_end_ - type.tail))
        return false;
    at = type.tail + tail;
    return true;
}

// The first of that name; 0 when there is none.
uint32_t Btf::find(uint32_t kind, std::string_view name) const
{
    uint32_t offset = name_offset(name), id = 1;
    if (!offset)
        return 0;
    Type type;
    for (const char *at = types_; type_in(at, type); id++)
        if (type.head.name_off == offset && BTF_INFO_KIND(type.head.info) == kind)
            return id;
    return 0;
}

uint32_t Btf::function(std::string_view name) const { return find(BTF_KIND_FUNC, name); }

// One of no kind when there is none of the id.
Btf::Type Btf::type_at(uint32_t id) const
{
    Type type;
    if (!id)
        return type;
    if (marks_.empty())
        marks_.push_back(types_);
    for (uint32_t mark = (id - 1) / kMark; marks_.size() <= mark;) {
        const char *at = marks_.back();
        for (uint32_t i = 0; i < kMark; i++)
            if (!type_in(at, type))
                return {};
        marks_.push_back(at);
    }
    const char *at = marks_[(id - 1) / kMark];
    for (uint32_t i = 0; i <= (id - 1) % kMark; i++)
        if (!type_in(at, type))
            return {};
    return type;
}

uint32_t Btf::plain(uint32_t id) const
{
    for (int i = 0; i < 16; i++) {
        Type type = type_at(id);
        switch (BTF_INFO_KIND(type.head.info)) {
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_CONST:
        case BTF_KIND_VOLATILE:
            id = type.head.type;
            break;
        default:
            return id;
        }
    }
    return 0;
}

std::optional<Btf::Found> Btf::find_member(uint32_t id, std::string_view wanted) const
{
    Type type = type_at(id);
    auto kind = BTF_INFO_KIND(type.head.info);
    if (kind != BTF_KIND_STRUCT && kind != BTF_KIND_UNION)
        return std::nullopt;
    for (size_t i = 0; i < BTF_INFO_VLEN(type.head.info); i++) {
        btf_member member;
        std::memcpy(&member, type.tail + i * sizeof member, sizeof member);
        uint32_t bits = BTF_INFO_KFLAG(type.head.info) ? BTF_MEMBER_BIT_OFFSET(member.offset) : member.offset;
        std::string_view called = name(member.name_off);
        if (called == wanted)
            return Found{bits, plain(member.type)};
        // Types only nest what was complete before them, so this ends.
        if (called.empty())
            if (auto inner = find_member(plain(member.type), wanted))
                return Found{bits + inner->bits, inner->type};
    }
    return std::nullopt;
}

std::optional<uint64_t> Btf::bits(std::string_view structure, std::string_view path) const
{
    auto known = structures_.find(structure);
    if (known == structures_.end())
        known = structures_.emplace(structure, find(BTF_KIND_STRUCT, structure)).first;
    Found at{0, known->second};
    while (!path.empty()) {
        size_t dot = std::min(path.find('.'), path.size());
        auto next = find_member(at.type, path.substr(0, dot));
        if (!next)
            return std::nullopt;
        at = {at.bits + next->bits, next->type};
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return at.type ? std::optional(at.bits) : std::nullopt;
}

std::optional<uint32_t> Btf::member(std::string_view structure, std::string_view path) const
{
    auto found = bits(structure, path);
    return found ? std::optional(static_cast<uint32_t>(*found / 8)) : std::nullopt;
}

} // namespace cr::sys
