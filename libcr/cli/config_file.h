// CRIU's configuration files: one option per line, without dashes, and at most one value:
//
//     tcp-established
//     work-dir "/home/me/my \"own\" directory"   # a comment
//
// Read in this order, the later ones counting more: /etc/criu/default.conf, $HOME/.criu/default.conf (both
// left out with --config or --no-default-config, and no error when they are not there), the file that
// CRIU_CONFIG_FILE names, the one that --config names. None of them, nor the environment, is looked at in a
// program that has more privilege than its caller (AT_SECURE).
#pragma once

#include "libcr/cli/parsed.h"

#include <string>
#include <string_view>
#include <vector>

namespace cr::cli
{

// `name` of the file, for errors.
std::vector<Given> parse_config(const Tool &tool, std::string_view text, const std::string &name);

struct ConfigSources {
    std::string system_file = "/etc/criu/default.conf";
    std::string home;     // empty: no file of the user's own
    std::string env_file; // empty: none
};
ConfigSources config_sources_of_environment();

// What the files say, for a command line that said `parsed`.
std::vector<Given> read_configs(const Parsed &parsed, const ConfigSources &sources);

} // namespace cr::cli
