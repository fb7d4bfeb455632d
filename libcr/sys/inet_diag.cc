#include "libcr/sys/inet_diag.h"

#include "libcr/sys/netlink.h"
#include "libcr/sys/sock_diag.h"

#include <arpa/inet.h>
#include <cstring>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <vector>

namespace cr::sys
{

namespace
{

constexpr uint16_t kDestroy = 21; // SOCK_DESTROY

inet_diag_req_v2 tcp_request(int family, uint32_t states, const inet_diag_sockid &id)
{
    inet_diag_req_v2 out{};
    out.sdiag_family = static_cast<uint8_t>(family);
    out.sdiag_protocol = IPPROTO_TCP;
    out.idiag_states = states;
    out.idiag_ext = 1 << (INET_DIAG_INFO - 1); // without it keys are not told
    out.id = id;
    return out;
}

long list(int family, uint32_t states, const std::function<void(const nlmsghdr &)> &see,
          const inet_diag_sockid &id = {})
{
    return list_sockets(bytes_of(tcp_request(family, states, id)), see);
}

const inet_diag_msg *socket_in(const nlmsghdr &message)
{
    return static_cast<const inet_diag_msg *>(netlink_head(message, sizeof(inet_diag_msg)));
}

} // namespace

std::set<uint32_t> tcp_with_md5_keys()
{
    std::set<uint32_t> out;
    auto see = [&](const nlmsghdr &message) {
        const inet_diag_msg *body = socket_in(message);
        if (!body)
            return;
        netlink_attributes(message, sizeof *body, [&](uint16_t type, std::string_view) {
            if (type == INET_DIAG_MD5SIG)
                out.insert(body->idiag_inode);
        });
    };
    for (int family : {AF_INET, AF_INET6})
        list(family, ~(1u << TCP_TIME_WAIT), see);
    return out;
}

std::string peer_of_new(uint32_t inode)
{
    std::string out;
    auto see = [&](const nlmsghdr &message) {
        const inet_diag_msg *body = socket_in(message);
        if (!body || body->idiag_inode != inode)
            return;
        if (body->idiag_family == AF_INET) {
            sockaddr_in to{AF_INET, body->id.idiag_dport, {body->id.idiag_dst[0]}, {}};
            out = bytes_of(to);
        } else {
            sockaddr_in6 to{};
            to.sin6_family = AF_INET6;
            to.sin6_port = body->id.idiag_dport;
            std::memcpy(&to.sin6_addr, body->id.idiag_dst, sizeof to.sin6_addr);
            if (IN6_IS_ADDR_LINKLOCAL(&to.sin6_addr))
                to.sin6_scope_id = body->id.idiag_if;
            out = bytes_of(to);
        }
    };
    for (int family : {AF_INET, AF_INET6})
        if (out.empty())
            list(family, 1u << TCP_SYN_SENT, see);
    return out;
}

void end_remains(int family, uint16_t port)
{
    inet_diag_sockid any{};
    any.idiag_sport = htons(port);
    std::vector<inet_diag_sockid> found;
    auto see = [&](const nlmsghdr &message) {
        const inet_diag_msg *body = socket_in(message);
        if (body && !body->idiag_inode && body->id.idiag_sport == any.idiag_sport)
            found.push_back(body->id);
    };
    list(family, 1u << TCP_TIME_WAIT | 1u << TCP_FIN_WAIT2, see, any);
    for (const inet_diag_sockid &id : found)
        ask_sock_diag(kDestroy, NLM_F_ACK, bytes_of(tcp_request(family, ~0u, id)), [](const nlmsghdr &) {});
}

} // namespace cr::sys
