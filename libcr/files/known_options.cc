#include "libcr/files/known_options.h"

#include "libcr/base/error.h"

#include <algorithm>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

namespace cr::files
{

namespace
{

struct Member {
    const char *structure, *path;
    size_t size;
    bool may_lack = false; // a name of some kernels only, whose others have that in another of these
};

// A bit counts with all of its byte. Which network namespace it is in decides what an option says that was never set.
constexpr Member kOfAll[] = {
    {"sock_common", "skc_reuse", 1},
    {"sock_common", "skc_reuseport", 1},
    {"sock_common", "skc_bound_dev_if", 4},
    {"sock_common", "skc_net", 8},
    {"sock_common", "skc_flags", 8},
    {"sock", "sk_peek_off", 4},
    {"sock", "sk_ll_usec", 4},
    {"sock", "sk_busy_poll_budget", 2},
    {"sock", "sk_prefer_busy_poll", 1},
    {"sock", "sk_userlocks", 1},
    {"sock", "sk_filter", 8},
    {"sock", "sk_rcvtimeo", 8},
    {"sock", "sk_sndtimeo", 8},
    {"sock", "sk_rcvlowat", 4},
    {"sock", "sk_tsflags", 4},
    {"sock", "sk_bind_phc", 4},
    {"sock", "sk_max_pacing_rate", 8},
    {"sock", "sk_priority", 4},
    {"sock", "sk_mark", 4},
    {"sock", "sk_no_check_tx", 1},
    {"sock", "sk_lingertime", 8},
    {"sock", "sk_txrehash", 1},
    {"sock", "sk_scm_credentials", 1, true}, // else in socket.flags
    {"sock", "sk_clockid", 1},
    {"sock", "sk_txtime_deadline_mode", 1},
};

constexpr Member kOfTcp[] = {
    {"inet_sock", "inet_flags", 8},
    {"inet_sock", "cmsg_flags", 4, true}, // else in inet_flags
    {"inet_sock", "uc_ttl", 2},
    {"inet_sock", "inet_opt", 8},
    {"inet_sock", "tos", 1},
    {"inet_sock", "min_ttl", 1},
    {"inet_sock", "pmtudisc", 1},
    {"inet_sock", "uc_index", 4},
    {"inet_sock", "local_port_range", 4},
    {"inet_connection_sock", "icsk_ca_ops", 8},
    {"inet_connection_sock", "icsk_syn_retries", 1},
    {"inet_connection_sock", "icsk_user_timeout", 4},
    {"inet_connection_sock", "icsk_accept_queue.rskq_defer_accept", 1},
    {"inet_connection_sock", "icsk_accept_queue.fastopenq.max_qlen", 4},
    {"tcp_sock", "notsent_lowat", 4},
    {"tcp_sock", "nonagle", 1},
    {"tcp_sock", "keepalive_time", 4},
    {"tcp_sock", "keepalive_intvl", 4},
    {"tcp_sock", "keepalive_probes", 1},
    {"tcp_sock", "linger2", 4},
};

constexpr size_t kLargest = 16 << 10; // of a socket's structures

bool is_tcp(const SocketSort &sort)
{
    return sort.family == AF_INET && sort.type == SOCK_STREAM && sort.protocol == IPPROTO_TCP;
}

template <class T> std::string_view bytes_of(const T &value)
{
    return {reinterpret_cast<const char *>(&value), sizeof value};
}

} // namespace

KnownOptions::Layout KnownOptions::layout_of(const SocketSort &sort) const
{
    Layout out;
    auto add = [&](const Member &member) {
        if (!memory_->has(member.structure, member.path))
            return member.may_lack;
        out.push_back({memory_->offset(member.structure, member.path), member.size});
        return out.back().offset + out.back().size <= kLargest;
    };
    bool all = (sort.family == AF_UNIX || is_tcp(sort)) &&
               std::all_of(std::begin(kOfAll), std::end(kOfAll), add) &&
               (!is_tcp(sort) || std::all_of(std::begin(kOfTcp), std::end(kOfTcp), add));
    return all ? out : Layout();
}

std::string KnownOptions::key(const Facts &facts, const SocketSort &sort)
{
    std::lock_guard lock(mutex_);
    if (!facts.object)
        return {};
    if (!std::exchange(tried_, true))
        if (auto made = sys::KernelMemory::make())
            memory_.emplace(std::move(*made));
    if (!memory_)
        return {};
    auto [place, is_new] = layouts_.try_emplace(sort);
    Layout &layout = place->second;
    if (is_new)
        layout = layout_of(sort);
    if (layout.empty())
        return {};
    size_t size = 0;
    for (const Part &part : layout)
        size = std::max(size, part.offset + part.size);
    std::string out, copy(size, '\0');
    try {
        auto socket = memory_->get<uint64_t>(facts.object, "file", "private_data");
        memory_->remember(socket, std::max(memory_->offset("socket", "flags"), memory_->offset("socket", "sk")) + 8);
        auto flags = memory_->get<uint64_t>(socket, "socket", "flags");
        auto sock = memory_->get<uint64_t>(socket, "socket", "sk");
        memory_->forget();
        memory_->read(sock, copy.data(), size);
        out.append(bytes_of(sort)).append(bytes_of(flags));
    } catch (const Error &) {
        return {};
    }
    for (const Part &part : layout)
        out.append(copy, part.offset, part.size);
    return out;
}

} // namespace cr::files
