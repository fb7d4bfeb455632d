// Views of a whole image directory, as `crit x DIR WHAT` has them:
//   ps    the tree
//   fds   every descriptor, working and root directory of every task
//   mems  every mapping of every task
//   rss   the stored pages of every task and the mappings they lie in
// and the overview: all of it in some lines.
#pragma once

#include "libcr/image/dir.h"
#include "libcr/show/show.h"

#include <string_view>

namespace cr::show
{

// Throws a usage error when `what` is none of the words above.
void explore(const image::Dir &dir, std::string_view what, const Out &out);
bool is_view(std::string_view word);

void overview(const image::Dir &dir, const Out &out);

} // namespace cr::show
