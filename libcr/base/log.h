// The log: one line per event, one write per line to a descriptor opened for appending, so that lines of
// several tools sharing one file never mix. The line format is CRIU's with the tool's name:
//   (00.012345) cr-freeze: pid 42: seized
//   (00.012345) Error (cr-freeze): pid 42: cannot ...
// Levels as in CRIU: 0 messages, 1 errors, 2 warnings (default), 3 info, 4 debug. Time stamps are seconds
// since the session began, which the first tool hands on.
#pragma once

#include "libcr/base/text.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cr::log
{

enum Level { kMessage = 0, kError = 1, kWarning = 2, kInfo = 3, kDebug = 4 };

struct Config {
    int fd = 2; // borrowed, stays open for the life of the process
    int level = kWarning;
    uint64_t start_ns = 0; // CLOCK_MONOTONIC of the session's begin; 0: now
};

void configure(const Config &config);
const Config &config();
// Who speaks, "cr-freeze": of each thread, since one process may be several stages; those that are started by
// start_thread() (thread.h) speak as the ones that start them.
void speak_as(std::string tool);
const std::string &tool();
bool enabled(Level level);
void write(Level level, std::string_view text);
// The first line logged with kError since the process began, without stamp (for RPC's cr_errmsg).
std::string first_error();

template <class... Parts> void error(const Parts &...parts) { write(kError, cat(parts...)); }
template <class... Parts> void warning(const Parts &...parts) { write(kWarning, cat(parts...)); }
template <class... Parts> void info(const Parts &...parts)
{
    if (enabled(kInfo))
        write(kInfo, cat(parts...));
}
template <class... Parts> void debug(const Parts &...parts)
{
    if (enabled(kDebug))
        write(kDebug, cat(parts...));
}

} // namespace cr::log
