#include "libcr/files/path_map.h"

#include <string_view>

namespace cr::files
{

namespace
{

std::string_view without_end(std::string_view name)
{
    while (name.ends_with('/'))
        name.remove_suffix(1);
    return name;
}

} // namespace

std::string mapped_name(const std::string &name, const PathMap &map)
{
    const std::pair<std::string, std::string> *best = nullptr;
    for (const auto &pair : map) {
        std::string_view old = without_end(pair.first);
        bool fits = name.starts_with(old) && (name.size() == old.size() || name[old.size()] == '/');
        if (fits && (!best || old.size() > without_end(best->first).size()))
            best = &pair;
    }
    if (!best)
        return name;
    std::string out(without_end(best->second));
    std::string_view rest = std::string_view(name).substr(without_end(best->first).size());
    out += rest == "/" ? "" : rest;
    return out.empty() ? "/" : out;
}

} // namespace cr::files
