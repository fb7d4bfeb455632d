#include "libcr/cli/config_file.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/cli/grammar.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iterator>

namespace cr::cli
{

namespace
{

// Takes a word in double quotes off the front of `rest`, which begins with the quote.
std::string take_quoted(std::string_view &rest)
{
    std::string word;
    for (size_t i = 1; i < rest.size(); i++) {
        if (rest[i] == '"') {
            rest.remove_prefix(i + 1);
            return word;
        }
        if (rest[i] == '\\' && i + 1 < rest.size() && rest[i + 1] == '"')
            i++;
        word += rest[i];
    }
    usage("a double quote is not closed");
}

std::vector<std::string> split_line(std::string_view line)
{
    std::vector<std::string> words;
    for (;;) {
        line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
        if (line.empty() || line.front() == '#')
            return words;
        if (line.front() == '"') {
            words.push_back(take_quoted(line));
            continue;
        }
        size_t end = std::min(line.find_first_of(" \t\r#"), line.size());
        words.emplace_back(line.substr(0, end));
        line.remove_prefix(end);
    }
}

Given parse_line(const Tool &tool, std::vector<std::string> words)
{
    std::string name = words[0].starts_with("--") ? words[0].substr(2) : words[0];
    if (size_t equal = name.find('='); equal != std::string::npos) {
        words.insert(words.begin() + 1, name.substr(equal + 1));
        name.resize(equal);
    }
    if (words.size() > 2)
        usage(cat("too many words after '", printable(name), "'"),
              "put a value with blanks into double quotes");
    return parse_long(tool, name, words.size() == 2 ? std::optional(words[1]) : std::nullopt);
}

std::optional<std::string> read_text(const std::string &path)
{
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(file), {});
}

} // namespace

std::vector<Given> parse_config(const Tool &tool, std::string_view text, const std::string &name)
{
    std::vector<Given> all;
    for (int number = 1; !text.empty(); number++) {
        try {
            auto words = split_line(take_until(text, '\n'));
            if (!words.empty())
                all.push_back(parse_line(tool, std::move(words)));
        } catch (const Error &error) {
            throw error.with_subject(cat(name, ", line ", number));
        }
    }
    return all;
}

ConfigSources config_sources_of_environment()
{
    ConfigSources sources;
    if (const char *home = secure_getenv("HOME"))
        sources.home = home;
    if (const char *file = secure_getenv("CRIU_CONFIG_FILE"))
        sources.env_file = file;
    return sources;
}

std::vector<Given> read_configs(const Parsed &parsed, const ConfigSources &sources)
{
    std::vector<Given> all;
    auto add = [&](const std::string &path, bool must_exist) {
        auto text = read_text(path);
        if (!text && must_exist)
            failed(cat("read the configuration file ", printable(path)));
        if (!text)
            return;
        auto more = parse_config(*parsed.tool, *text, path);
        all.insert(all.end(), more.begin(), more.end());
    };
    auto named = parsed.value("config");
    if (!named && !parsed.has("no-default-config")) {
        add(sources.system_file, false);
        if (!sources.home.empty())
            add(sources.home + "/.criu/default.conf", false);
    }
    if (!sources.env_file.empty())
        add(sources.env_file, true);
    if (named)
        add(*named, true);
    return all;
}

} // namespace cr::cli
