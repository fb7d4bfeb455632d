#include "libcr/sys/inet_diag.h"

#include "libcr/base/fd.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/netlink.h"

#include <arpa/inet.h>
#include <cstring>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <vector>

namespace cr::sys
{

namespace
{

constexpr uint16_t kDestroy = 21; // SOCK_DESTROY

bool ask(int fd, int family, uint16_t type, uint16_t flags, uint32_t states, const inet_diag_sockid &id)
{
    inet_diag_req_v2 body{};
    body.sdiag_family = static_cast<uint8_t>(family);
    body.sdiag_protocol = IPPROTO_TCP;
    body.idiag_states = states;
    body.idiag_ext = 1 << (INET_DIAG_INFO - 1); // without it keys are not told
    body.id = id;
    std::string request =
        netlink_message(type, static_cast<uint16_t>(NLM_F_REQUEST | flags), 0, bytes_of(body));
    return call(SYS_sendto, fd, request.data(), request.size(), 0, 0, 0) >= 0;
}

Fd open_diag()
{
    long made = call(SYS_socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    return made < 0 ? Fd() : Fd(static_cast<int>(made));
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
    for (int family : {AF_INET, AF_INET6}) {
        Fd fd = open_diag();
        if (fd && ask(fd.get(), family, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, ~(1u << TCP_TIME_WAIT), {}))
            netlink_answers(fd.get(), see);
    }
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
    for (int family : {AF_INET, AF_INET6}) {
        Fd fd = open_diag();
        if (fd && out.empty() &&
            ask(fd.get(), family, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 1u << TCP_SYN_SENT, {}))
            netlink_answers(fd.get(), see);
    }
    return out;
}

void end_remains(int family, uint16_t port)
{
    Fd fd = open_diag();
    if (!fd)
        return;
    inet_diag_sockid any{};
    any.idiag_sport = htons(port);
    if (!ask(fd.get(), family, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 1u << TCP_TIME_WAIT | 1u << TCP_FIN_WAIT2,
             any))
        return;
    std::vector<inet_diag_sockid> found;
    auto see = [&](const nlmsghdr &message) {
        const inet_diag_msg *body = socket_in(message);
        if (body && !body->idiag_inode && body->id.idiag_sport == any.idiag_sport)
            found.push_back(body->id);
    };
    netlink_answers(fd.get(), see);
    for (const inet_diag_sockid &id : found)
        if (ask(fd.get(), family, kDestroy, NLM_F_ACK, ~0u, id))
            netlink_answers(fd.get(), [](const nlmsghdr &) {});
}

} // namespace cr::sys
