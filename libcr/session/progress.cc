#include "libcr/session/progress.h"

#include "libcr/base/clock.h"
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/stat.h"

namespace cr::session
{

uint64_t Progress::idle_us()
{
    std::string now;
    bool waits = false;
    for (pid_t pid : pids_)
        try {
            proc::PidDir dir(pid);
            now += cat(proc::parse_stat(dir.read("stat")).ticks, " ", dir.read_if_there("io"));
            waits |= !dir.read_if_there(cat("task/", pid, "/children").c_str()).empty();
        } catch (const Error &) { // it has ended, which others see
        }
    uint64_t time = monotonic_us();
    if (waits || now != last_ || !since_us_)
        since_us_ = time;
    last_ = std::move(now);
    return time - since_us_;
}

} // namespace cr::session
