#include "libcr/sys/sock_diag.h"

#include "libcr/base/fd.h"
#include "libcr/sys/gate.h"

#include <cstring>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <vector>

namespace cr::sys
{

long list_sockets(const void *body, size_t size, const std::function<void(const nlmsghdr *)> &see)
{
    long made = call(SYS_socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (made < 0)
        return made;
    Fd fd(static_cast<int>(made));
    std::vector<char> request(NLMSG_SPACE(size));
    auto *header = reinterpret_cast<nlmsghdr *>(request.data());
    header->nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(size));
    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    std::memcpy(NLMSG_DATA(header), body, size);
    if (long n = call(SYS_sendto, fd.get(), request.data(), request.size(), 0, 0, 0); n < 0)
        return n;
    std::vector<char> buffer(256 << 10);
    for (;;) {
        long n = call(SYS_recvfrom, fd.get(), buffer.data(), buffer.size(), 0, 0, 0);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return n;
        auto *message = reinterpret_cast<const nlmsghdr *>(buffer.data());
        for (; NLMSG_OK(message, n); message = NLMSG_NEXT(message, n)) {
            if (message->nlmsg_type == NLMSG_DONE)
                return 0;
            if (message->nlmsg_type == NLMSG_ERROR)
                return static_cast<const nlmsgerr *>(NLMSG_DATA(message))->error;
            see(message);
        }
        if (n)
            return -EIO;
    }
}

std::map<uint32_t, uint8_t> inet_shutdowns(int family, int protocol)
{
    inet_diag_req_v2 body{};
    body.sdiag_family = static_cast<uint8_t>(family);
    body.sdiag_protocol = static_cast<uint8_t>(protocol);
    body.idiag_states = ~0u;
    std::map<uint32_t, uint8_t> out;
    list_sockets(&body, sizeof body, [&](const nlmsghdr *message) {
        auto *head = static_cast<const inet_diag_msg *>(NLMSG_DATA(message));
        for_attributes(message, head, [&](int type, const char *data, size_t size) {
            if (type == INET_DIAG_SHUTDOWN && size)
                out[head->idiag_inode] = static_cast<uint8_t>(*data);
        });
    });
    return out;
}

} // namespace cr::sys
