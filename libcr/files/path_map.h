// Where files are on the machine of the restore, when it is not where they were (--map-path OLD=NEW).
#pragma once

#include "fdinfo.pb.h"

#include <string>
#include <utility>
#include <vector>

namespace cr::files
{

// Pairs of absolute names, each of a file or of a directory with all that is below it.
using PathMap = std::vector<std::pair<std::string, std::string>>;

// The name to use for `name`: that of the longest old one that is it or is above it; itself when there is none.
std::string mapped_name(const std::string &name, const PathMap &map);

// Changes all names in an entry that is no regular file: of unix sockets, what is watched, mounts, BPF maps.
void map_names(img::file_entry &entry, const PathMap &map);

} // namespace cr::files
