// What a request of CRIU's RPC asks for, as the command line that asks for the same: so there is one place
// that knows what is supported, what goes together, and what it means.
#pragma once

#include "rpc.pb.h"

#include <functional>
#include <string>
#include <vector>

namespace cr::tools
{

// Options only, `--name=value`, without those for directories and logs.
// `descriptor` makes a descriptor of ours of a number in the client's table.
std::vector<std::string> words_of(const img::criu_opts &opts, img::criu_req_type type,
                                  const std::function<int(int)> &descriptor);

// The options of a configuration file that counts more than the request's fields.
std::vector<std::string> words_of_config(const std::string &path);

} // namespace cr::tools
