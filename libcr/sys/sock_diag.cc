#include "libcr/sys/sock_diag.h"

#include "libcr/base/fd.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/netlink.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace cr::sys
{

long ask_sock_diag(uint16_t type, uint16_t flags, std::string_view body,
                   const std::function<void(const nlmsghdr &)> &see)
{
    long made = call(SYS_socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (made < 0)
        return made;
    Fd fd(static_cast<int>(made));
    std::string request = netlink_message(type, static_cast<uint16_t>(NLM_F_REQUEST | flags), 0, body);
    long n = call(SYS_sendto, fd.get(), request.data(), request.size(), 0, 0, 0);
    return n < 0 ? n : netlink_answers(fd.get(), see);
}

long list_sockets(std::string_view body, const std::function<void(const nlmsghdr &)> &see)
{
    return ask_sock_diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, body, see);
}

std::optional<std::map<uint32_t, uint8_t>> inet_shutdowns(int family, int protocol)
{
    inet_diag_req_v2 body{};
    body.sdiag_family = static_cast<uint8_t>(family);
    body.sdiag_protocol = static_cast<uint8_t>(protocol);
    body.idiag_states = ~0u;
    std::map<uint32_t, uint8_t> out;
    long r = list_sockets(bytes_of(body), [&](const nlmsghdr &message) {
        auto *head = static_cast<const inet_diag_msg *>(netlink_head(message, sizeof(inet_diag_msg)));
        netlink_attributes(message, sizeof *head, [&](uint16_t type, std::string_view value) {
            if (head && type == INET_DIAG_SHUTDOWN && !value.empty())
                out[head->idiag_inode] = static_cast<uint8_t>(value[0]);
        });
    });
    if (r < 0)
        return std::nullopt;
    return out;
}

} // namespace cr::sys
