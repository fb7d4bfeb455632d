// A pipeline without a shell, the same that one could type: cr-freeze, which holds the tree, forked from this process,
// and the stages behind it as threads of a second child (libcr/session/stages.h), so that `cr dump` costs no more to
// start than three processes.
#pragma once

#include "libcr/cli/parsed.h"

#include <string>
#include <string_view>
#include <vector>

namespace cr::tools
{

using Main = int (*)(int argc, char **argv);

// The main function of a tool, or null.
Main main_of(std::string_view name);

int call_main(std::vector<std::string> words);

// cr-freeze | stages | cr-thaw, the last in this process. Its result is the exit code of cr-thaw, which knows of every
// failure before it. Whatever ends this process ends (by SIGTERM, which undoes a dump) the others.
int run_chain(std::vector<std::string> freeze, const std::vector<std::string> &stages, std::vector<std::string> thaw);

// `cr-dump-mm -t PID`: this stage alone, between cr-freeze and cr-thaw --resume.
int run_alone(const cli::Parsed &parsed);

} // namespace cr::tools
