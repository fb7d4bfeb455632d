// What every tool does around its work: read the command line, set up the log, catch the one exception, say
// one sentence, end with a documented code.
//
//     int cr_thaw_main(int argc, char **argv)
//     {
//         return cli::run("cr-thaw", argc, argv, [](const cli::Parsed &parsed) {
//             auto options = cli::thaw_options(parsed);
//             ...
//             return cli::kOk;
//         });
//     }
//
// A run() inside of another (the umbrella calling a tool's main, in a fork or not) keeps the log of the outer
// one and changes only the name in its lines.
#pragma once

#include "libcr/base/error.h"
#include "libcr/cli/parsed.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cr::cli
{

// Exit codes. Under the names `cr dump`, `cr restore`, ... and `criu` every failure is kFailed, as CRIU has
// it.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;    // it did not work; the target is as it was
inline constexpr int kUsage = 2;     // the command line makes no sense
inline constexpr int kRefused = 3;   // declined on purpose, before the target was touched
inline constexpr int kOvertaken = 4; // the target went on too fast for a snapshot; a copy can be made

// An error that ends the tool with a code of somebody else's: that of an action script.
struct WithCode : Error {
    WithCode(const Error &error, int exit_code) : Error(error), code(exit_code) {}
    int code;
};

int run(std::string_view tool_name, int argc, char **argv, const std::function<int(const Parsed &)> &body);

// One line on stderr, and in the log when that is somewhere else: for a tool with more to say than one error.
void say(std::string_view name, const Error &error, bool json);

// Each a sentence of its own; the last one is thrown and so ends the tool. There must be one.
[[noreturn]] void end_with(std::string_view name, const std::vector<Error> &errors, bool json);

// The pieces, for those who need them apart (a service, tests).
int exit_code(const Error &error, const Tool &tool);
// One object: error, subject, errno, remedy, kind ("failed", "refused", "usage", "image").
std::string to_json(const Error &error);

} // namespace cr::cli
