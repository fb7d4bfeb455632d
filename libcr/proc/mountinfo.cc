#include "libcr/proc/mountinfo.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"

#include <sys/sysmacros.h>

namespace cr::proc
{

namespace
{

// "/a\040b" as the kernel writes it.
std::string unescape(std::string_view text)
{
    std::string out;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            out +=
                static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

} // namespace

std::vector<Mount> parse_mountinfo(std::string_view text)
{
    std::vector<Mount> out;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        auto id = parse_int<int>(take_word(line)), parent = parse_int<int>(take_word(line));
        std::string_view device = take_word(line);
        auto major_number = parse_int<uint32_t>(take_until(device, ':')),
             minor_number = parse_int<uint32_t>(device);
        if (!id || !parent || !major_number || !minor_number)
            continue;
        Mount &mount = out.emplace_back();
        mount.id = *id;
        mount.parent = *parent;
        mount.dev = makedev(*major_number, *minor_number);
        mount.root = unescape(take_word(line));
        mount.point = unescape(take_word(line));
        while (!line.empty() && take_word(line) != "-")
            ;
        mount.type = take_word(line);
    }
    return out;
}

std::vector<Mount> mounts_of(std::string_view pid)
{
    std::string path = cat("/proc/", pid, "/mountinfo"), text;
    Fd file = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY);
    char buffer[8192];
    while (size_t n = sys::read_up_to(file.get(), buffer, sizeof buffer, path))
        text.append(buffer, n);
    return parse_mountinfo(text);
}

} // namespace cr::proc
