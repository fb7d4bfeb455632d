#include "libcr/base/text.h"

namespace cr
{

std::string hex(uint64_t value)
{
    char buffer[17];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, value, 16).ptr;
    return {buffer, end};
}

std::string_view take_until(std::string_view &rest, char separator)
{
    size_t at = rest.find(separator);
    std::string_view head = rest.substr(0, at);
    rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
    return head;
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

std::string_view take_word(std::string_view &rest)
{
    size_t begin = 0;
    while (begin < rest.size() && blank(rest[begin]))
        begin++;
    size_t end = begin;
    while (end < rest.size() && !blank(rest[end]))
        end++;
    std::string_view word = rest.substr(begin, end - begin);
    rest.remove_prefix(end);
    return word;
}

std::string_view trim(std::string_view text)
{
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

std::string printable(std::string_view text)
{
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (unsigned char c : text) {
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
            out += "\\x";
            out += kDigits[c >> 4];
            out += kDigits[c & 15];
        } else {
            out += static_cast<char>(c);
        }
    }
    return out;
}

} // namespace cr
