// Options of many sockets, most of which are alike: they are read by calls from one of those that are alike only,
// 50 calls for a unix socket and 90 for one of TCP. That sockets are alike is seen in the kernel's memory, in all
// members of its structures that an option is kept in, which one copy for each socket brings. Where this cannot be
// read, or the kernel lacks one of these members, every socket is asked.
//
// The sizes of the buffers are none of these options: the kernel itself changes those of TCP.
#pragma once

#include "libcr/files/facts.h"
#include "libcr/files/further_options.h"
#include "libcr/sys/kernel_memory.h"
#include "sk-inet.pb.h"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace cr::files
{

// May be asked by several threads.
class KnownOptions
{
  public:
    // What its options follow from; empty where that is not known. `facts.object` is the kernel's open file.
    std::string key(const Facts &facts, const SocketSort &sort);

    // What `read` tells of a socket, or has told of one whose options are equal.
    template <class Options>
    Options of(const Facts &facts, const SocketSort &sort, const std::function<void(Options &)> &read)
    {
        std::string key = this->key(facts, sort);
        {
            std::lock_guard lock(mutex_);
            auto &known = std::get<Known<Options>>(known_);
            if (auto found = known.find(key); found != known.end())
                return found->second;
        }
        Options out;
        read(out);
        std::lock_guard lock(mutex_);
        if (!key.empty())
            std::get<Known<Options>>(known_).emplace(std::move(key), out);
        return out;
    }

  private:
    struct Part {
        size_t offset, size;
    };
    using Layout = std::vector<Part>; // of the kernel's struct sock and what begins with it; empty: not known
    Layout layout_of(const SocketSort &sort) const;

    std::mutex mutex_;
    bool tried_ = false;
    std::optional<sys::KernelMemory> memory_;
    std::map<SocketSort, Layout> layouts_;
    template <class Options> using Known = std::map<std::string, Options>;
    std::tuple<Known<img::sk_opts_entry>, Known<img::inet_sk_entry>> known_; // by key; the latter with options alone
};

} // namespace cr::files
