#include "libcr/proc/limits.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

namespace cr::proc
{

namespace
{

// The kernel's names (fs/proc/base.c, lnames), by RLIMIT_ number.
constexpr std::string_view kNames[16] = {
    "Max cpu time",       "Max file size",     "Max data size",         "Max stack size",
    "Max core file size", "Max resident set",  "Max processes",         "Max open files",
    "Max locked memory",  "Max address space", "Max file locks",        "Max pending signals",
    "Max msgqueue size",  "Max nice priority", "Max realtime priority", "Max realtime timeout"};

rlim64_t value(std::string_view word)
{
    return word == "unlimited" ? RLIM64_INFINITY : parse_int<uint64_t>(word).value_or(RLIM64_INFINITY);
}

} // namespace

std::array<rlimit64, 16> parse_limits(std::string_view text)
{
    std::array<rlimit64, 16> out;
    out.fill({RLIM64_INFINITY, RLIM64_INFINITY});
    size_t found = 0;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        for (size_t i = 0; i < 16; i++) {
            if (!line.starts_with(kNames[i]) || line.size() <= kNames[i].size() ||
                line[kNames[i].size()] != ' ')
                continue;
            std::string_view rest = line.substr(kNames[i].size());
            out[i].rlim_cur = value(take_word(rest));
            out[i].rlim_max = value(take_word(rest));
            found++;
        }
    }
    if (found != 16)
        failed_with(0, "understand /proc/PID/limits");
    return out;
}

} // namespace cr::proc
