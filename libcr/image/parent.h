// The directory of the dump that another one continues: the link `parent` in it, relative to it, so that both
// may be moved together.
#pragma once

#include "libcr/image/dir.h"

#include <optional>
#include <string>

namespace cr::image
{

// Nothing when there is no such link.
std::optional<Dir> parent_of(const Dir &dir);
// The dump in another directory than `dir`, by a path relative to it; refused when it is not complete.
Dir earlier_dump(const Dir &dir, const std::string &path);
void link_parent(const Dir &dir, const std::string &path);
void unlink_parent(const Dir &dir);
// The directory of an open descriptor.
Dir dir_of(int fd);

} // namespace cr::image
