// /proc/PID/limits as values, by RLIMIT_ number. Read from there rather than by prlimit(2), which needs
// CAP_SYS_RESOURCE for a task of another user.
#pragma once

#include <array>
#include <string_view>
#include <sys/resource.h>

namespace cr::proc
{

std::array<rlimit64, 16> parse_limits(std::string_view text);

} // namespace cr::proc
