#include "libcr/proc/cgroups.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <algorithm>

namespace cr::proc
{

std::vector<Cgroup> parse_cgroups(std::string_view text)
{
    std::vector<Cgroup> out;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        std::string_view rest = line;
        std::string_view number = take_until(rest, ':');
        size_t colon = rest.find(':');
        if (!parse_int<unsigned>(number) || colon == std::string_view::npos || rest[colon + 1] != '/')
            failed_with(0, cat("understand the line '", printable(line), "' of a cgroup file"));
        out.push_back({std::string(rest.substr(0, colon)), std::string(rest.substr(colon + 1))});
    }
    std::sort(out.begin(), out.end(),
              [](const Cgroup &a, const Cgroup &b) { return a.controllers < b.controllers; });
    return out;
}

} // namespace cr::proc
