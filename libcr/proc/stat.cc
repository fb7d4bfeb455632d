#include "libcr/proc/stat.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <array>

namespace cr::proc
{

Stat parse_stat(std::string_view text)
{
    // comm is in parentheses and may hold any character, parentheses too: the last ')' ends it.
    size_t open = text.find('('), close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
        failed_with(0, "understand /proc/PID/stat");
    Stat out;
    out.pid = parse_int<pid_t>(trim(text.substr(0, open))).value_or(0);
    out.comm = text.substr(open + 1, close - open - 1);
    std::string_view rest = text.substr(close + 1);
    std::string_view state = take_word(rest);
    out.state = state.empty() ? '?' : state[0];

    std::array<int64_t, 53> field{}; // by number; 1 to 3 are taken already
    size_t last = 3;
    for (size_t i = 4; i < field.size(); i++) {
        std::string_view word = take_word(rest);
        if (word.empty())
            break;
        // Some are unsigned 64-bit numbers (addresses, limits), some signed.
        if (auto u = parse_int<uint64_t>(word))
            field[i] = static_cast<int64_t>(*u);
        else
            field[i] = parse_int<int64_t>(word).value_or(0);
        last = i;
    }
    if (last < 52)
        failed_with(0, "understand /proc/PID/stat: too few fields");
    auto address = [&](int n) { return static_cast<uint64_t>(field[static_cast<size_t>(n)]); };
    out.ppid = static_cast<pid_t>(field[4]);
    out.pgrp = static_cast<pid_t>(field[5]);
    out.session = static_cast<pid_t>(field[6]);
    out.tty_nr = static_cast<int>(field[7]);
    out.tpgid = static_cast<pid_t>(field[8]);
    out.flags = static_cast<uint32_t>(field[9]);
    out.ticks = static_cast<uint64_t>(field[14]) + static_cast<uint64_t>(field[15]);
    out.nice = field[19];
    out.start_time = address(22);
    out.start_code = address(26);
    out.end_code = address(27);
    out.start_stack = address(28);
    out.exit_signal = static_cast<int>(field[38]);
    out.rt_priority = static_cast<unsigned>(field[40]);
    out.policy = static_cast<unsigned>(field[41]);
    out.start_data = address(45);
    out.end_data = address(46);
    out.start_brk = address(47);
    out.arg_start = address(48);
    out.arg_end = address(49);
    out.env_start = address(50);
    out.env_end = address(51);
    out.exit_code = static_cast<int>(field[52]);
    return out;
}

} // namespace cr::proc
