#include "libcr/sys/nftables.h"

#include "libcr/sys/gate.h"

#include <arpa/inet.h>
#include <cstring>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace cr::sys
{

namespace
{

constexpr uint8_t kFamilyInet = 1; // NFPROTO_INET

void pad(std::string &to) { to.resize(NLMSG_ALIGN(to.size())); }

template <class T> void append(std::string &to, const T &value)
{
    to.append(reinterpret_cast<const char *>(&value), sizeof value);
}

} // namespace

Fd open_nftables()
{
    return Fd(static_cast<int>(check(call(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER),
                                     "make a socket to the packet filter")));
}

Attributes &Attributes::bytes(uint16_t type, std::string_view value)
{
    append(data_, nlattr{static_cast<uint16_t>(NLA_HDRLEN + value.size()), type});
    data_ += value;
    pad(data_);
    return *this;
}

Attributes &Attributes::text(uint16_t type, std::string_view value)
{
    std::string ended(value);
    ended += '\0';
    return bytes(type, ended);
}

Attributes &Attributes::number(uint16_t type, uint32_t value)
{
    uint32_t big = htonl(value);
    return bytes(type, {reinterpret_cast<const char *>(&big), sizeof big});
}

Attributes &Attributes::nested(uint16_t type, const Attributes &inner)
{
    return bytes(static_cast<uint16_t>(type | NLA_F_NESTED), inner.data());
}

Transaction::Transaction() { put(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, {}); }

void Transaction::put(uint16_t type, uint16_t flags, uint8_t family, uint16_t resource,
                      std::string_view attributes)
{
    last_ = messages_.size();
    nlmsghdr header{};
    header.nlmsg_len = static_cast<uint32_t>(sizeof header + sizeof(nfgenmsg) + attributes.size());
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    header.nlmsg_seq = ++sequence_;
    append(messages_, header);
    append(messages_, nfgenmsg{family, NFNETLINK_V0, htons(resource)});
    messages_ += attributes;
    pad(messages_);
}

void Transaction::add(uint16_t type, uint16_t flags, const Attributes &attributes)
{
    put(static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type), static_cast<uint16_t>(NLM_F_REQUEST | flags),
        kFamilyInet, 0, attributes.data());
}

// The last change is to be acknowledged: that comes when all are in force.
long Transaction::run(int socket)
{
    auto *header = reinterpret_cast<nlmsghdr *>(messages_.data() + last_);
    header->nlmsg_flags |= NLM_F_ACK;
    put(NFNL_MSG_BATCH_END, NLM_F_REQUEST, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, {});
    int room = static_cast<int>(2 * messages_.size() + 4096);
    call(SYS_setsockopt, socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    long n = call(SYS_sendto, socket, messages_.data(), messages_.size(), 0, &kernel, sizeof kernel);
    if (n < 0)
        return n;
    alignas(nlmsghdr) char buffer[16384];
    for (;;) {
        n = call(SYS_recvfrom, socket, buffer, sizeof buffer, 0, 0, 0);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return n;
        auto *message = reinterpret_cast<const nlmsghdr *>(buffer);
        for (; NLMSG_OK(message, n); message = NLMSG_NEXT(message, n))
            if (message->nlmsg_type == NLMSG_ERROR)
                return static_cast<const nlmsgerr *>(NLMSG_DATA(message))->error;
    }
}

} // namespace cr::sys
