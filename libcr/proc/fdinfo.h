// /proc/PID/fdinfo/N: what the kernel tells of an open descriptor. A few lines are the same for all kinds;
// the rest belongs to the kind, which reads its own keys by field().
//
//   pos:    0                      offset
//   flags:  02000002               octal, open flags; O_CLOEXEC is this descriptor's own
//   mnt_id: 17
//   ino:    1038                   since Linux 5.14
//   eventfd-count: 5               ... the kind's
//   lock:   1: FLOCK ADVISORY ...  once for each lock
// Source: proc_pid_fdinfo(5), fs/proc/fd.c.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cr::proc
{

struct FdInfo {
    uint64_t pos = 0;
    uint32_t flags = 0; // as F_GETFL gives them, and O_CLOEXEC
    int mnt_id = -1;
    std::string text; // all of it

    // What follows "KEY:", blanks trimmed; nothing when there is no such line.
    std::optional<std::string_view> field(std::string_view key) const;
    // The same for every line of that key, in order.
    std::vector<std::string_view> fields(std::string_view key) const;
    // The field as a number. Throws Error when it is absent or no number.
    uint64_t number(std::string_view key, int base = 10) const;
};

// Throws Error when pos or flags are missing or malformed.
FdInfo parse_fdinfo(std::string text);

} // namespace cr::proc
