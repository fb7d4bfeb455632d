#include "libcr/base/log.h"

#include "libcr/base/clock.h"

#include <cstdio>
#include <mutex>
#include <unistd.h>

namespace cr::log
{

namespace
{
// The only mutable state of the library: where lines go.
Config g_config;
thread_local std::string g_tool;
std::mutex g_first_error_mutex;
std::string g_first_error;
} // namespace

void configure(const Config &config)
{
    g_config = config;
    if (!g_config.start_ns)
        g_config.start_ns = monotonic_ns();
}

const Config &config() { return g_config; }

void speak_as(std::string tool) { g_tool = std::move(tool); }
const std::string &tool() { return g_tool; }

bool enabled(Level level) { return level <= g_config.level; }

void write(Level level, std::string_view text)
{
    if (level == kError) {
        std::lock_guard lock(g_first_error_mutex);
        if (g_first_error.empty())
            g_first_error = text;
    }
    if (!enabled(level))
        return;
    uint64_t us = g_config.start_ns ? (monotonic_ns() - g_config.start_ns) / 1000 : 0;
    char stamp[32];
    snprintf(stamp, sizeof stamp, "(%02llu.%06llu) ", static_cast<unsigned long long>(us / 1000000),
             static_cast<unsigned long long>(us % 1000000));
    std::string line = g_config.level >= kInfo || g_config.fd != 2 ? stamp : "";
    if (level == kError)
        line += cat("Error (", g_tool, "): ");
    else if (level == kWarning)
        line += cat("Warn  (", g_tool, "): ");
    else
        line += cat(g_tool, ": ");
    line += text;
    line += '\n';
    // A log that cannot be written must not end the work.
    [[maybe_unused]] auto n = ::write(g_config.fd, line.data(), line.size());
}

std::string first_error()
{
    std::lock_guard lock(g_first_error_mutex);
    return g_first_error;
}

} // namespace cr::log
