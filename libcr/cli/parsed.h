// A command line after the grammar: which options were given, in order, with their values, and what else
// stood there. Configuration files give the same thing, put in front, so that what comes later counts.
#pragma once

#include "libcr/cli/option.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cr::cli
{

struct Given {
    const Option *option;
    bool negated = false; // --no-NAME
    std::optional<std::string> value;
};

struct Parsed {
    const Tool *tool = nullptr;
    const Command *command = nullptr; // for tools with CRIU's grammar
    std::vector<Given> given;
    std::vector<std::string> operands;

    uint32_t commands() const { return command ? command->bit : tool->commands; }

    // Was it given at all, even as --no-NAME?
    bool has(std::string_view name) const { return last(name) != nullptr; }
    // A Flag or Bool as it ended up; `otherwise` when it was not given.
    bool on(std::string_view name, bool otherwise = false) const;
    // The value given last; nothing when there is none.
    std::optional<std::string> value(std::string_view name) const;
    std::vector<std::string> values(std::string_view name) const;
    // The value given last as a number within [low, high]; `otherwise` when there is none.
    int64_t number(std::string_view name, int64_t otherwise, int64_t low, int64_t high) const;
    // The value given last, which must be one of the comma-separated `allowed`.
    std::string word(std::string_view name, std::string otherwise, std::string_view allowed) const;

    // The same options for another tool, those that it takes: how `cr dump -t 5 -D img -R` becomes
    // `cr-freeze --tree=5 --images-dir=img`. The first element is the tool's name.
    std::vector<std::string> arguments_for(const Tool &other) const;

  private:
    const Given *last(std::string_view name) const;
};

} // namespace cr::cli
