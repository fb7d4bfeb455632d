// What a dump keeps of the terminals of a tree.
#pragma once

#include "libcr/files/tree.h"

namespace cr::files
{

// Gives the entries of all terminals their numbers; writes tty-info.img and tty-data.img.
void capture_terminals(Tree &tree);

} // namespace cr::files
