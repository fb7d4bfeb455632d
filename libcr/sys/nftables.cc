#include "libcr/sys/nftables.h"

#include "libcr/sys/gate.h"

#include <arpa/inet.h>
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

} // namespace

Fd open_nftables()
{
    return Fd(static_cast<int>(check(call(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER),
                                     "make a socket to the packet filter")));
}

Transaction::Transaction() { put(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, {}); }

void Transaction::put(uint16_t type, uint16_t flags, uint8_t family, uint16_t resource,
                      std::string_view attributes)
{
    last_ = messages_.size();
    nfgenmsg head{family, NFNETLINK_V0, htons(resource)};
    messages_ += netlink_message(type, flags, ++sequence_, bytes_of(head), attributes);
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
    return netlink_answers(socket, [](const nlmsghdr &) {});
}

} // namespace cr::sys
