// One table describes every option of every tool. The parser, --help, the OPTIONS part of the manual pages
// and shell completion are all computed from it, so they cannot disagree; a test compares what is computed
// with what is written in man/.
//
// A row names the commands that take the option as a set of bits: `cr dump` and the tool cr-restore have a
// bit each. Two rows may share a name when no command has both (-t means something else to cr-dump-mm than to
// dump).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace cr::cli
{

// CRIU's commands, then the tools of our own that are not one of them.
enum Commands : uint32_t {
    kDump = 1u << 0,
    kPreDump = 1u << 1,
    kRestore = 1u << 2,
    kCheck = 1u << 3,
    kPageServer = 1u << 4,
    kLazyPages = 1u << 5,
    kService = 1u << 6,
    kSwrk = 1u << 7,
    kDedup = 1u << 8,
    kCpuinfo = 1u << 9,
    kFreeze = 1u << 10,
    kDumpMm = 1u << 11,
    kDumpFiles = 1u << 12,
    kDumpNet = 1u << 13,
    kDumpNs = 1u << 14,
    kThaw = 1u << 15,
    kShow = 1u << 16,
    kUnlock = 1u << 17,

    kCriuCommands = (1u << 10) - 1,
    kStages = kDumpMm | kDumpFiles | kDumpNet | kDumpNs,
    kAllCommands = (1u << 18) - 1,
};

enum class Arg {
    Flag,     // --name
    Bool,     // --name and --no-name; the last one given counts
    Value,    // --name VALUE, --name=VALUE, -nVALUE, -n VALUE
    Optional, // --name, --name=VALUE, -n, -nVALUE: only an attached value is one
};

enum class Status {
    Works,
    NoEffect, // accepted: what it asks for is how things are anyway, or nothing that it permits is built yet
    NotYet,   // refused when given to a command that it belongs to
};

enum class Group { Common, Tree, Memory, Files, Network, Mounts, Check, Help };

struct Option {
    const char *name;
    char letter = 0;
    Arg arg = Arg::Flag;
    const char *value = nullptr; // what to call the value in help
    bool repeats = false;
    uint32_t commands = 0;
    const char *help = nullptr; // without capital and full stop
    Group group = Group::Common;
    Status status = Status::Works;
    const char *note = nullptr; // NoEffect: why; NotYet: what it would need
    bool ours = false;          // not CRIU's: never matched by an abbreviation
};

struct Command {
    const char *word;
    uint32_t bit;
    const char *summary;
    Status status = Status::Works;
    const char *note = nullptr;
    const char *operand = nullptr; // what must follow the word: words to choose from, or FD for a number
};

enum class Operands { None, Command, Free };

struct Tool {
    const char *name;
    uint32_t commands; // whose options it takes
    const char *summary;
    const char *usage; // what follows the name in the synopsis; %OPTIONS stands for the list of options
    Operands operands = Operands::None;
    bool criu = false; // CRIU's grammar of commands, configuration files and exit codes
};

std::span<const Option> options();
std::span<const Command> criu_commands();
std::span<const Tool> tools();
// Ends the program with an exception when there is no such tool: tools name themselves.
const Tool &tool(std::string_view name);

} // namespace cr::cli
