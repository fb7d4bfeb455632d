// Where the log goes: --log-file is relative to the work directory, '-' is stdout, and without it the log is
// stderr. A tool that begins something starts the file anew; a stage, which shares the file of its pipeline,
// only adds to it.
#pragma once

#include "libcr/cli/parsed.h"

#include <string>

namespace cr::cli
{

// Throws when the file cannot be opened. Does no more than change the name when the process already has a
// log.
void start_log(const Parsed &parsed, const std::string &name);

} // namespace cr::cli
