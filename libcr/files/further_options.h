// Options of sockets of all families that CRIU's messages have no field for, as one table: stored as they are, when
// a new socket of that kind does not have the value. Those of CRIU's fields are in socket_options.h and
// inet_options.cc. And classic BPF filters (SO_ATTACH_FILTER).
#pragma once

#include "libcr/base/blocker.h"
#include "sk-opts.pb.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace cr::files
{

struct Facts;

struct SocketSort {
    int family = 0, type = 0, protocol = 0;
    auto operator<=>(const SocketSort &) const = default;
};

// What new sockets have. May be asked by several threads.
class OptionDefaults
{
  public:
    // By the rows of the table; empty where there is no such option, or no such socket for us.
    const std::vector<std::string> &of(const SocketSort &sort);

  private:
    std::mutex mutex_;
    std::map<SocketSort, std::vector<std::string>> known_;
};

void capture_further_options(int fd, const SocketSort &sort, OptionDefaults &defaults, img::sk_opts_entry &to);
// `last`: those that keep others from being set, else the rest. Throws bad_image for one that is not in the table.
void apply_further_options(int fd, const img::sk_opts_entry &from, bool last = false);

// What it refuses, filter_blocker() has told before: a program of eBPF.
std::optional<Blocker> filter_blocker(const Facts &facts, int fd);
void capture_filter(int fd, img::sk_opts_entry &to);
void apply_filter(int fd, const img::sk_opts_entry &from);

} // namespace cr::files
