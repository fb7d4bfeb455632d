// /proc/PID/stat as a value. Field numbers are those of proc(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace cr::proc
{

struct Stat {
    pid_t pid = 0;
    std::string comm;
    char state = 0;
    pid_t ppid = 0, pgrp = 0, session = 0;
    int tty_nr = 0;
    pid_t tpgid = 0;
    uint32_t flags = 0; // PF_*, include/linux/sched.h
    uint64_t ticks = 0; // of processors that it has used, user and system
    int64_t nice = 0;
    uint64_t start_time = 0; // ticks since boot
    uint64_t start_code = 0, end_code = 0, start_stack = 0;
    int exit_signal = 0;
    unsigned rt_priority = 0, policy = 0;
    uint64_t start_data = 0, end_data = 0, start_brk = 0;
    uint64_t arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
    int exit_code = 0; // as wait(2) tells it
};

// Throws when the text has not the shape that proc(5) gives (addresses are 0 without ptrace rights).
Stat parse_stat(std::string_view text);

} // namespace cr::proc
