// Text helpers: joining values into a string (std::format is absent from g++ 12), and parsing numbers and
// fields out of /proc text without locale, exceptions or copies.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace cr
{

namespace detail
{
inline void append(std::string &out, std::string_view text) { out += text; }
inline void append(std::string &out, char c) { out += c; }
template <class Bool> void append(std::string &out, Bool value) requires std::is_same_v<Bool, bool>
{
    out += value ? '1' : '0';
}
template <class Int>
void append(std::string &out, Int value) requires(std::is_integral_v<Int> && !std::is_same_v<Int, char> &&
                                                  !std::is_same_v<Int, bool>)
{
    char buffer[24];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    out.append(buffer, static_cast<size_t>(end - buffer));
}
} // namespace detail

// cat("pid ", 42, ": ", name)
template <class... Parts> std::string cat(const Parts &...parts)
{
    std::string out;
    (detail::append(out, parts), ...);
    return out;
}

// "7f00" without prefix.
std::string hex(uint64_t value);

// The whole of `text` as a number in `base`; nothing when there is any other character or it does not fit.
template <class Int> std::optional<Int> parse_int(std::string_view text, int base = 10)
{
    Int value{};
    auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (ec != std::errc{} || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

// Takes text up to `separator` off the front of `rest`, dropping the separator; all of it when there is none.
std::string_view take_until(std::string_view &rest, char separator);
// Takes the next word (blanks before it dropped).
std::string_view take_word(std::string_view &rest);
std::string_view trim(std::string_view text);
inline bool starts_with(std::string_view text, std::string_view prefix) { return text.starts_with(prefix); }

// A name for people: control characters and quotes as \xNN, so that a file name cannot forge a log line.
std::string printable(std::string_view text);

} // namespace cr
