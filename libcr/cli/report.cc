#include "libcr/cli/report.h"

#include "libcr/base/json.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/base/version.h"
#include "libcr/cli/config_file.h"
#include "libcr/cli/grammar.h"
#include "libcr/cli/help.h"
#include "libcr/cli/log_setup.h"
#include "libcr/cli/options.h"
#include "libcr/cli/rules.h"

#include <cstdio>
#include <optional>
#include <sys/auxv.h>
#include <unistd.h>

namespace cr::cli
{

namespace
{

// `cr` speaks of itself by the name it was started under, as long as that is one of its two.
std::string spoken_name(const Tool &tool, const char *argv0)
{
    std::string_view path = argv0 ? argv0 : "";
    return tool.criu && path.substr(path.rfind('/') + 1) == "criu" ? "criu" : tool.name;
}

std::string version_text(const Tool &tool, const std::string &name)
{
    if (name == "criu")
        return cat("Version: ", kCriuVersion, "\n");
    if (tool.criu)
        return cat("cr ", kVersion, " (CRIU ", kCriuVersion, " compatible)\nVersion: ", kCriuVersion, "\n");
    return cat(name, " ", kVersion, "\n");
}

const Command *command_if_any(const Parsed &parsed)
{
    if (parsed.tool->criu && !parsed.operands.empty())
        for (const Command &command : criu_commands())
            if (command.word == parsed.operands.front())
                return &command;
    return nullptr;
}

// --help and --version: answered before anything else is looked at.
std::optional<std::string> asked_for_text(const Parsed &parsed, const std::string &name)
{
    if (parsed.has("help"))
        return help_text(*parsed.tool, command_if_any(parsed));
    if (parsed.has("version"))
        return version_text(*parsed.tool, name);
    return std::nullopt;
}

void refuse_setuid()
{
    if (getuid() != geteuid() || getgid() != getegid())
        refused("started with the set-user-ID bit, which would give every user all of this program's power",
                "take the bit away, or use file capabilities on a copy that only trusted users can run");
}

void add_configuration(Parsed &parsed)
{
    if (!parsed.tool->criu || getauxval(AT_SECURE))
        return;
    auto from_files = read_configs(parsed, config_sources_of_environment());
    parsed.given.insert(parsed.given.begin(), from_files.begin(), from_files.end());
}

void close_unwanted(const Parsed &parsed)
{
    for (const std::string &text : parsed.values("close")) {
        auto fd = parse_int<int>(text);
        if (!fd || *fd < 0)
            usage(cat("--close takes a descriptor number, not '", printable(text), "'"));
        ::close(*fd);
    }
}

void log_begin(int argc, char **argv)
{
    if (!log::enabled(log::kInfo))
        return;
    std::string words;
    for (int i = 1; i < argc; i++)
        words += cat(" ", printable(argv[i]));
    log::info("version ", kVersion, ", options:", words);
}

const char *kind_name(Error::Kind kind)
{
    switch (kind) {
    case Error::Kind::Refused:
        return "refused";
    case Error::Kind::Usage:
        return "usage";
    case Error::Kind::Image:
        return "image";
    case Error::Kind::Overtaken:
        return "overtaken";
    case Error::Kind::Failed:
        break;
    }
    return "failed";
}

} // namespace

void say(std::string_view name, const Error &error, bool json)
{
    if (log::config().fd != STDERR_FILENO)
        log::error(error.what());
    std::string text = json ? to_json(error) : cat(name, ": ", error.what());
    text += '\n';
    [[maybe_unused]] auto n = ::write(STDERR_FILENO, text.data(), text.size());
}

void end_with(std::string_view name, const std::vector<Error> &errors, bool json)
{
    for (size_t i = 0; i + 1 < errors.size(); i++)
        say(name, errors[i], json);
    throw Error(errors.back());
}

int exit_code(const Error &error, const Tool &tool)
{
    if (tool.criu)
        return kFailed;
    switch (error.kind()) {
    case Error::Kind::Usage:
        return kUsage;
    case Error::Kind::Refused:
        return kRefused;
    case Error::Kind::Overtaken:
        return kOvertaken;
    default:
        return kFailed;
    }
}

std::string to_json(const Error &error)
{
    return cat("{\"error\":", json_quoted(error.what()), ",\"subject\":", json_quoted(error.subject()),
               ",\"errno\":", error.err(), ",\"remedy\":", json_quoted(error.remedy()), ",\"kind\":\"",
               kind_name(error.kind()), "\"}");
}

int run(std::string_view tool_name, int argc, char **argv, const std::function<int(const Parsed &)> &body)
{
    const Tool &self = tool(tool_name);
    std::string name = spoken_name(self, argc ? argv[0] : nullptr);
    Parsed parsed;
    parsed.tool = &self;
    try {
        refuse_setuid();
        parsed = parse_words(self, {argv + (argc ? 1 : 0), argv + argc});
        if (auto text = asked_for_text(parsed, name)) {
            std::fputs(text->c_str(), stdout);
            return std::fflush(stdout) ? kFailed : kOk;
        }
        add_configuration(parsed);
        if (self.criu)
            choose_command(parsed);
        start_log(parsed, name);
        check_rules(parsed);
        close_unwanted(parsed);
        log_begin(argc, argv);
        int code = body(parsed);
        log::info("ends with ", code);
        return code;
    } catch (const WithCode &error) {
        say(name, error, parsed.on("json"));
        return error.code;
    } catch (const Error &error) {
        say(name, error, parsed.on("json"));
        return exit_code(error, self);
    } catch (const std::exception &error) {
        say(name,
            Error(Error::Kind::Failed, 0, cat("go on: ", error.what()), "this is a defect: please report it"),
            parsed.on("json"));
        return kFailed;
    }
}

} // namespace cr::cli
