#include "libcr/sys/unix_diag.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <cstring>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace cr::sys
{

namespace
{

constexpr int kAttributeShutdown = 6; // UNIX_DIAG_SHUTDOWN

struct Request {
    nlmsghdr header{};
    unix_diag_req body{};
};

template <class T> T get(const rtattr *attribute, size_t size)
{
    T out{};
    std::memcpy(&out, reinterpret_cast<const char *>(attribute) + RTA_LENGTH(0), std::min(size, sizeof out));
    return out;
}

void take(const rtattr *attribute, UnixSocket &out)
{
    auto *data = reinterpret_cast<const char *>(attribute) + RTA_LENGTH(0);
    size_t size = attribute->rta_len - RTA_LENGTH(0);
    switch (attribute->rta_type) {
    case UNIX_DIAG_NAME:
        out.name.assign(data, size);
        break;
    case UNIX_DIAG_VFS: {
        auto vfs = get<unix_diag_vfs>(attribute, size);
        out.file = {vfs.udiag_vfs_ino, vfs.udiag_vfs_dev};
        break;
    }
    case UNIX_DIAG_PEER:
        out.peer = get<uint32_t>(attribute, size);
        break;
    case UNIX_DIAG_ICONS:
        out.waiting.resize(size / sizeof(uint32_t));
        std::memcpy(out.waiting.data(), data, out.waiting.size() * sizeof(uint32_t));
        break;
    case UNIX_DIAG_RQLEN: {
        auto lengths = get<unix_diag_rqlen>(attribute, size);
        out.unread = lengths.udiag_rqueue;
        out.unsent = lengths.udiag_wqueue;
        break;
    }
    case kAttributeShutdown:
        out.shutdown = get<uint8_t>(attribute, size);
        break;
    default:
        break;
    }
}

UnixSocket socket_of(const nlmsghdr *message)
{
    auto *body = static_cast<const unix_diag_msg *>(NLMSG_DATA(message));
    UnixSocket out;
    out.inode = body->udiag_ino;
    out.type = body->udiag_type;
    out.state = body->udiag_state;
    auto *attribute = reinterpret_cast<const rtattr *>(body + 1);
    long left = static_cast<long>(message->nlmsg_len) - static_cast<long>(NLMSG_LENGTH(sizeof *body));
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
        take(attribute, out);
    return out;
}

} // namespace

std::vector<UnixSocket> unix_sockets()
{
    const char *what = "list the unix sockets (sock_diag)";
    Fd fd(static_cast<int>(
        check(call(SYS_socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), what)));
    Request request;
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = AF_UNIX;
    request.body.udiag_states = ~0U;
    request.body.udiag_show =
        UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN;
    check(call(SYS_sendto, fd.get(), &request, sizeof request, 0, 0, 0), what);
    std::vector<UnixSocket> out;
    std::vector<char> buffer(256 << 10);
    for (;;) {
        long n = check(call(SYS_recvfrom, fd.get(), buffer.data(), buffer.size(), 0, 0, 0), what);
        auto *message = reinterpret_cast<const nlmsghdr *>(buffer.data());
        for (; NLMSG_OK(message, n); message = NLMSG_NEXT(message, n)) {
            if (message->nlmsg_type == NLMSG_DONE)
                return out;
            if (message->nlmsg_type == NLMSG_ERROR)
                failed_with(-static_cast<const nlmsgerr *>(NLMSG_DATA(message))->error, what);
            out.push_back(socket_of(message));
        }
        if (n)
            failed_with(0, what);
    }
}

} // namespace cr::sys
