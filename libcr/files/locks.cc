#include "libcr/files/locks.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"

#include <fcntl.h>
#include <string>

namespace cr::files
{

Locks Locks::read()
{
    Fd file = sys::open_at(AT_FDCWD, "/proc/locks", O_RDONLY);
    std::string text;
    char buffer[8192];
    while (size_t n = sys::read_up_to(file.get(), buffer, sizeof buffer, "/proc/locks"))
        text.append(buffer, n);
    return parse(text);
}

// "1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF", "1: -> ..." for those that wait
Locks Locks::parse(std::string_view text)
{
    Locks locks;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
            size_t first = word.find(':'), last = word.rfind(':');
            if (first == last || last + 1 == word.size())
                continue;
            if (auto inode = parse_int<uint64_t>(word.substr(last + 1)))
                locks.inodes_.insert(*inode);
        }
    }
    return locks;
}

} // namespace cr::files
