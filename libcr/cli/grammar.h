// The words of a command line sorted into options, their values, and operands, by the rules of getopt_long(3)
// with permutation, since that is what CRIU's users and their scripts rely on:
//   - options may stand before, between and after operands; "--" ends them;
//   - long names may be cut short as long as only one fits; an exact name always wins;
//   - a Value takes the next word whatever it looks like; an Optional takes only what is attached;
//   - one-letter options may be joined: -djt 5; so -verbosity=0 is -v with the value "erbosity=0".
//
// CLI11 splits names from values. Its parser is not used: it has no abbreviations and no values that count only when they are
// attached, and making it takes 0.16 ms, half of what a small tool takes to start. Why not getopt_long itself: it keeps
// its place in globals, prints by itself, and its '?' does not tell an ambiguous name from an unknown one. A unit test
// plays random command lines through this and through getopt_long and compares.
#pragma once

#include "libcr/cli/parsed.h"

#include <string>
#include <vector>

namespace cr::cli
{

// `words` without the program's name. Options that none of the tool's commands takes are unknown. Throws
// usage errors.
Parsed parse_words(const Tool &tool, const std::vector<std::string> &words);

// One option by its long name without dashes, with abbreviations, as a configuration file has it; `value` is
// what followed. Throws usage errors.
Given parse_long(const Tool &tool, const std::string &name, const std::optional<std::string> &value);

} // namespace cr::cli
