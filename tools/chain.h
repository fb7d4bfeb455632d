// A pipeline without a shell: the stages' own main functions, forked from this process instead of executed,
// so that `cr dump` costs no more to start than one program, and is still the pipeline that one could type.
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

// Runs each command line, whose first word is a tool's name, with its output going into the next; all but the
// last in processes of their own, the last in this one. Its result is that of the last: cr-thaw knows of
// every failure before it. Whatever ends this process ends (by SIGTERM, which undoes a dump) the others.
int run_chain(std::vector<std::vector<std::string>> commands);

// `cr-dump-mm -t PID`: this stage alone, between cr-freeze and cr-thaw --resume.
int run_alone(const cli::Parsed &parsed);

} // namespace cr::tools
