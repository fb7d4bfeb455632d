// Views of a whole image directory, as `crit x DIR WHAT` has them:
//   ps    the tree
//   fds   every descriptor, working and root directory of every task
//   mems  every mapping of every task
//   rss   the stored pages of every task and the mappings they lie in
// and the overview: all of it in some lines, or as JSON:
//   directory, complete, reason (when it is not), tasks (pid, ppid, pgid, sid, name, state, wait_status of a
//   zombie, threads, mapped and stored bytes, fds), files, bytes, images (image, files, bytes), not_readable
#pragma once

#include "libcr/image/dir.h"
#include "libcr/show/show.h"

#include <string_view>

namespace cr::show
{

// Throws a usage error when `what` is none of the words above.
void explore(const image::Dir &dir, std::string_view what, const Out &out);
bool is_view(std::string_view word);

// False when there is no image at all, or one that cannot be read.
bool overview(const image::Dir &dir, Style style, const Out &out);

} // namespace cr::show
