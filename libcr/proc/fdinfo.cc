#include "libcr/proc/fdinfo.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

namespace cr::proc
{

namespace
{

// The next line whose key is `key`, taken off the front of `rest`.
std::optional<std::string_view> next_field(std::string_view &rest, std::string_view key)
{
    while (!rest.empty()) {
        std::string_view line = take_until(rest, '\n');
        if (line.size() > key.size() && line[key.size()] == ':' && line.starts_with(key))
            return trim(line.substr(key.size() + 1));
    }
    return std::nullopt;
}

template <class Int> Int required(const FdInfo &info, std::string_view key, int base)
{
    auto text = info.field(key);
    auto value = text ? parse_int<Int>(*text, base) : std::nullopt;
    if (!value)
        failed_with(0, cat("understand fdinfo: ", key, text ? cat(" is ", printable(*text)) : " is missing"));
    return *value;
}

} // namespace

std::optional<std::string_view> FdInfo::field(std::string_view key) const
{
    std::string_view rest = text;
    return next_field(rest, key);
}

std::vector<std::string_view> FdInfo::fields(std::string_view key) const
{
    std::vector<std::string_view> out;
    std::string_view rest = text;
    while (auto value = next_field(rest, key))
        out.push_back(*value);
    return out;
}

uint64_t FdInfo::number(std::string_view key, int base) const { return required<uint64_t>(*this, key, base); }

FdInfo parse_fdinfo(std::string text)
{
    FdInfo info;
    info.text = std::move(text);
    info.pos = static_cast<uint64_t>(required<int64_t>(info, "pos", 10));
    info.flags = required<uint32_t>(info, "flags", 8);
    if (auto mnt_id = info.field("mnt_id"))
        info.mnt_id = parse_int<int>(*mnt_id).value_or(-1);
    return info;
}

} // namespace cr::proc
