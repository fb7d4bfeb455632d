// What the grammar cannot say: options that exclude or need each other, options and commands that are not
// supported yet. All of it is checked before a tool does anything.
#pragma once

#include "libcr/cli/parsed.h"

namespace cr::cli
{

// Finds the command word among the operands of a tool that has commands, and takes it out of them.
void choose_command(Parsed &parsed);
// Throws a usage error, or refuses.
void check_rules(const Parsed &parsed);

} // namespace cr::cli
