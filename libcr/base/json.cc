#include "libcr/base/json.h"

#include "libcr/base/text.h"

namespace cr
{

namespace
{

// How many bytes the well-formed UTF-8 character at the front takes; 0 when it is none.
size_t utf8_length(std::string_view text)
{
    auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    auto tail = [&](size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return byte(i) >= low && byte(i) <= high;
    };
    unsigned first = byte(0);
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef)
        return tail(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && tail(2) ? 3 : 0;
    if (first >= 0xf0 && first <= 0xf4)
        return tail(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && tail(2) && tail(3) ? 4
                                                                                                       : 0;
    return 0;
}

} // namespace

std::string json_quoted(std::string_view text)
{
    std::string out = "\"";
    while (!text.empty()) {
        char c = text.front();
        size_t length = utf8_length(text);
        if (!length)
            out += "\\ufffd";
        else if (c == '"' || c == '\\')
            out += cat('\\', c);
        else if (c == '\n')
            out += "\\n";
        else if (static_cast<unsigned char>(c) < 0x20)
            out += cat("\\u00", c < 0x10 ? "0" : "", hex(static_cast<uint64_t>(c)));
        else
            out += text.substr(0, length);
        text.remove_prefix(length ? length : 1);
    }
    return out + '"';
}

} // namespace cr
