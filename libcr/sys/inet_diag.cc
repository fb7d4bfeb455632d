#include "libcr/sys/inet_diag.h"

#include "libcr/base/fd.h"
#include "libcr/sys/gate.h"

#include <arpa/inet.h>
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

struct Request {
    nlmsghdr header{};
    inet_diag_req_v2 body{};
};

bool ask(int fd, int family, uint16_t type, uint16_t flags, uint32_t states, const inet_diag_sockid &id)
{
    Request request;
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = type;
    request.header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    request.body.sdiag_family = static_cast<uint8_t>(family);
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = states;
    request.body.id = id;
    return call(SYS_sendto, fd, &request, sizeof request, 0, 0, 0) >= 0;
}

// The connections of nobody in the answer, until its end or an error.
void collect(int fd, uint16_t port, std::vector<inet_diag_sockid> &out)
{
    std::vector<char> buffer(64 << 10);
    for (;;) {
        long n = call(SYS_recvfrom, fd, buffer.data(), buffer.size(), 0, 0, 0);
        if (n <= 0)
            return;
        auto *message = reinterpret_cast<const nlmsghdr *>(buffer.data());
        for (; NLMSG_OK(message, n); message = NLMSG_NEXT(message, n)) {
            if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
                return;
            auto *body = static_cast<const inet_diag_msg *>(NLMSG_DATA(message));
            if (!body->idiag_inode && body->id.idiag_sport == htons(port))
                out.push_back(body->id);
        }
    }
}

} // namespace

void end_remains(int family, uint16_t port)
{
    long made = call(SYS_socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (made < 0)
        return;
    Fd fd(static_cast<int>(made));
    std::vector<inet_diag_sockid> found;
    inet_diag_sockid any{};
    any.idiag_sport = htons(port);
    if (!ask(fd.get(), family, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 1u << TCP_TIME_WAIT | 1u << TCP_FIN_WAIT2,
             any))
        return;
    collect(fd.get(), port, found);
    std::vector<inet_diag_sockid> none;
    for (const inet_diag_sockid &id : found)
        if (ask(fd.get(), family, kDestroy, NLM_F_ACK, ~0u, id))
            collect(fd.get(), port, none);
}

} // namespace cr::sys
