// The option table as text: --help, the OPTIONS and SYNOPSIS of a manual page, words for the shell's
// completion.
#pragma once

#include "libcr/cli/option.h"

#include <string>

namespace cr::cli
{

// `command` may be null: all commands of the tool.
std::string help_text(const Tool &tool, const Command *command);
// mdoc(7) for the SYNOPSIS and OPTIONS sections.
std::string man_synopsis(const Tool &tool);
std::string man_options(const Tool &tool);
// A bash completion script for all tools.
std::string completion_script();
// "-t, --tree PID", "-v[NUM], --verbosity[=NUM]", "--[no-]json".
std::string spelling(const Option &option);
// The headings of options, in order.
std::span<const Group> groups();
const char *title(Group group);

} // namespace cr::cli
