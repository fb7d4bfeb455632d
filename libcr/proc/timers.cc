#include "libcr/proc/timers.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <csignal>

namespace cr::proc
{

namespace
{

template <class Int> Int number(std::string_view text, int base = 10)
{
    auto value = parse_int<Int>(trim(text), base);
    if (!value)
        failed_with(0, "understand /proc/PID/timers");
    return *value;
}

// "signal/tid.42"
void parse_notify(std::string_view text, Timer &timer)
{
    std::string_view how = take_until(text, '/');
    std::string_view whom = take_until(text, '.');
    timer.notify = how == "signal" ? SIGEV_SIGNAL : how == "none" ? SIGEV_NONE : SIGEV_THREAD;
    if (whom == "tid")
        timer.notify |= SIGEV_THREAD_ID;
    timer.target = number<pid_t>(text);
}

} // namespace

std::vector<Timer> parse_timers(std::string_view text)
{
    std::vector<Timer> out;
    while (!text.empty()) {
        std::string_view value = take_until(text, '\n');
        std::string_view key = take_until(value, ':');
        value = trim(value);
        if (key == "ID") {
            out.emplace_back().id = number<int>(value);
            continue;
        }
        if (out.empty())
            continue;
        if (key == "signal") {
            out.back().signal = number<int>(take_until(value, '/'));
            out.back().value = number<uint64_t>(value, 16);
        } else if (key == "notify") {
            parse_notify(value, out.back());
        } else if (key == "ClockID") {
            out.back().clock = number<int>(value);
        }
    }
    return out;
}

} // namespace cr::proc
