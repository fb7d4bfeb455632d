// /proc/PID/timers: the POSIX timers of a process (needs CONFIG_CHECKPOINT_RESTORE). Its lines:
// fs/proc/base.c, show_timer().
#pragma once

#include <cstdint>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cr::proc
{

struct Timer {
    int id = 0, signal = 0, clock = 0;
    uint64_t value = 0; // sigev_value
    int notify = 0; // SIGEV_SIGNAL, SIGEV_NONE or SIGEV_THREAD, with SIGEV_THREAD_ID when it names a thread
    pid_t target = 0;
};

std::vector<Timer> parse_timers(std::string_view text);

} // namespace cr::proc
