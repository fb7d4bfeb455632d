#include "libcr/sys/btf.h"

#include "libcr/base/fd.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <cstring>
#include <linux/btf.h>
#include <map>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <utility>

namespace cr::sys
{

namespace
{

// What follows a type of that kind, in bytes.
size_t tail_of(uint32_t info)
{
    size_t n = BTF_INFO_VLEN(info);
    switch (BTF_INFO_KIND(info)) {
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
        return 4;
    case BTF_KIND_ARRAY:
        return sizeof(btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        return n * sizeof(btf_member);
    case BTF_KIND_ENUM:
        return n * sizeof(btf_enum);
    case BTF_KIND_FUNC_PROTO:
        return n * sizeof(btf_param);
    case BTF_KIND_DATASEC:
        return n * sizeof(btf_var_secinfo);
    case 19: // BTF_KIND_ENUM64
        return n * 12;
    default:
        return 0;
    }
}

} // namespace

std::optional<Btf> Btf::of_kernel()
{
    long fd = try_open_at(AT_FDCWD, "/sys/kernel/btf/vmlinux", O_RDONLY);
    if (fd < 0)
        return std::nullopt;
    Fd file(static_cast<int>(fd));
    Btf btf;
    btf.size_ = static_cast<size_t>(stat_of(file.get(), "the kernel's types").st_size);
    long at = call(SYS_mmap, nullptr, btf.size_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file.get(), 0);
    if (at < 0 && at >= -4095) {
        btf.copy_.resize(btf.size_);
        btf.size_ = read_up_to(file.get(), btf.copy_.data(), btf.size_, "the kernel's types");
        btf.bytes_ = btf.copy_.data();
    } else {
        btf.bytes_ = reinterpret_cast<const char *>(at);
        btf.mapped_ = true;
    }
    btf_header head;
    if (btf.size_ < sizeof head)
        return std::nullopt;
    std::memcpy(&head, btf.bytes_, sizeof head);
    uint64_t begin = head.hdr_len;
    if (head.magic != BTF_MAGIC || begin + head.type_off + head.type_len > btf.size_ ||
        begin + head.str_off + head.str_len > btf.size_ || head.str_len == 0)
        return std::nullopt;
    btf.types_ = btf.bytes_ + begin + head.type_off;
    btf.types_end_ = btf.types_ + head.type_len;
    btf.strings_ = btf.bytes_ + begin + head.str_off;
    btf.strings_size_ = head.str_len;
    return btf;
}

Btf::Btf(Btf &&other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)), size_(other.size_),
      mapped_(std::exchange(other.mapped_, false)), copy_(std::move(other.copy_)), types_(other.types_),
      types_end_(other.types_end_), strings_(other.strings_), strings_size_(other.strings_size_)
{
}

Btf::~Btf()
{
    if (mapped_)
        call(SYS_munmap, bytes_, size_);
}

std::string_view Btf::name(uint32_t offset) const
{
    if (offset >= strings_size_)
        return {};
    return {strings_ + offset, ::strnlen(strings_ + offset, strings_size_ - offset)};
}

// Calls see(id, type, what follows it) for each type until it returns true.
template <class See> void Btf::for_types(const See &see) const
{
    uint32_t id = 1;
    for (const char *at = types_; at + sizeof(btf_type) <= types_end_; id++) {
        btf_type type;
        std::memcpy(&type, at, sizeof type);
        at += sizeof type;
        size_t tail = tail_of(type.info);
        if (tail > static_cast<size_t>(types_end_ - at) || see(id, type, at))
            return;
        at += tail;
    }
}

uint32_t Btf::function(std::string_view wanted) const
{
    uint32_t found = 0;
    for_types([&](uint32_t id, const btf_type &type, const char *) {
        if (BTF_INFO_KIND(type.info) == BTF_KIND_FUNC && name(type.name_off) == wanted)
            found = id;
        return found != 0;
    });
    return found;
}

// Unnamed members are looked into by further passes, each of which ends at the last of them: without an index of
// all types.
std::optional<uint32_t> Btf::member(std::string_view structure, std::string_view wanted) const
{
    std::map<uint32_t, uint32_t> unnamed; // types and where they are, bits
    std::optional<uint32_t> found;
    auto look = [&](const btf_type &type, const char *tail, uint32_t at) {
        for (size_t i = 0; i < BTF_INFO_VLEN(type.info) && !found; i++) {
            btf_member member;
            std::memcpy(&member, tail + i * sizeof member, sizeof member);
            uint32_t bits = BTF_INFO_KFLAG(type.info) ? BTF_MEMBER_BIT_OFFSET(member.offset) : member.offset;
            if (name(member.name_off) == wanted)
                found = (at + bits) / 8;
            else if (!member.name_off)
                unnamed.emplace(member.type, at + bits);
        }
    };
    for_types([&](uint32_t, const btf_type &type, const char *tail) {
        if (BTF_INFO_KIND(type.info) != BTF_KIND_STRUCT || name(type.name_off) != structure)
            return false;
        look(type, tail, 0);
        return true;
    });
    while (!found && !unnamed.empty()) {
        std::map<uint32_t, uint32_t> those;
        those.swap(unnamed);
        for_types([&](uint32_t id, const btf_type &type, const char *tail) {
            auto kind = BTF_INFO_KIND(type.info);
            if (auto at = those.find(id);
                at != those.end() && (kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION))
                look(type, tail, at->second);
            return found || id >= those.rbegin()->first;
        });
    }
    return found;
}

btf_type Btf::type_at(uint32_t id) const
{
    btf_type type{};
    if (id && id < index_.size())
        std::memcpy(&type, types_ + index_[id], sizeof type);
    return type;
}

uint32_t Btf::plain(uint32_t id) const
{
    for (int i = 0; i < 16; i++) {
        btf_type type = type_at(id);
        switch (BTF_INFO_KIND(type.info)) {
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_CONST:
        case BTF_KIND_VOLATILE:
            id = type.type;
            break;
        default:
            return id;
        }
    }
    return 0;
}

std::optional<Btf::Found> Btf::find(uint32_t id, std::string_view wanted) const
{
    btf_type type = type_at(id);
    auto kind = BTF_INFO_KIND(type.info);
    if (kind != BTF_KIND_STRUCT && kind != BTF_KIND_UNION)
        return std::nullopt;
    const char *members = types_ + index_[id] + sizeof type;
    for (size_t i = 0; i < BTF_INFO_VLEN(type.info); i++) {
        btf_member member;
        std::memcpy(&member, members + i * sizeof member, sizeof member);
        uint32_t bits = BTF_INFO_KFLAG(type.info) ? BTF_MEMBER_BIT_OFFSET(member.offset) : member.offset;
        std::string_view called = name(member.name_off);
        if (called == wanted)
            return Found{bits, plain(member.type)};
        // Types only nest what was complete before them, so this ends.
        if (called.empty())
            if (auto inner = find(plain(member.type), wanted))
                return Found{bits + inner->bits, inner->type};
    }
    return std::nullopt;
}

std::optional<uint64_t> Btf::bits(std::string_view structure, std::string_view path) const
{
    if (index_.empty()) {
        index_.push_back(0);
        for_types([&](uint32_t, const btf_type &, const char *tail) {
            index_.push_back(static_cast<uint32_t>(tail - types_ - static_cast<long>(sizeof(btf_type))));
            return false;
        });
    }
    Found at{0, 0};
    for (uint32_t id = 1; id < index_.size() && !at.type; id++) {
        btf_type type = type_at(id);
        if (BTF_INFO_KIND(type.info) == BTF_KIND_STRUCT && name(type.name_off) == structure)
            at.type = id;
    }
    while (!path.empty()) {
        size_t dot = std::min(path.find('.'), path.size());
        auto next = find(at.type, path.substr(0, dot));
        if (!next)
            return std::nullopt;
        at = {at.bits + next->bits, next->type};
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return at.bits;
}

} // namespace cr::sys
