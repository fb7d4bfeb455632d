#include "libcr/sys/unix_diag.h"

#include "libcr/sys/gate.h"
#include "libcr/sys/sock_diag.h"

#include <algorithm>
#include <cstring>
#include <linux/unix_diag.h>
#include <sys/socket.h>

namespace cr::sys
{

namespace
{

constexpr int kAttributeShutdown = 6; // UNIX_DIAG_SHUTDOWN

template <class T> T get(const char *data, size_t size)
{
    T out{};
    std::memcpy(&out, data, std::min(size, sizeof out));
    return out;
}

void take(int type, const char *data, size_t size, UnixSocket &out)
{
    switch (type) {
    case UNIX_DIAG_NAME:
        out.name.assign(data, size);
        break;
    case UNIX_DIAG_VFS: {
        auto vfs = get<unix_diag_vfs>(data, size);
        out.file = {vfs.udiag_vfs_ino, vfs.udiag_vfs_dev};
        break;
    }
    case UNIX_DIAG_PEER:
        out.peer = get<uint32_t>(data, size);
        break;
    case UNIX_DIAG_ICONS:
        out.waiting.resize(size / sizeof(uint32_t));
        std::memcpy(out.waiting.data(), data, out.waiting.size() * sizeof(uint32_t));
        break;
    case UNIX_DIAG_RQLEN: {
        auto lengths = get<unix_diag_rqlen>(data, size);
        out.unread = lengths.udiag_rqueue;
        out.unsent = lengths.udiag_wqueue;
        break;
    }
    case kAttributeShutdown:
        out.shutdown = get<uint8_t>(data, size);
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
    for_attributes(message, body, [&](int type, const char *data, size_t size) { take(type, data, size, out); });
    return out;
}

} // namespace

std::vector<UnixSocket> unix_sockets()
{
    unix_diag_req body{};
    body.sdiag_family = AF_UNIX;
    body.udiag_states = ~0U;
    body.udiag_show =
        UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN;
    std::vector<UnixSocket> out;
    check(list_sockets(&body, sizeof body, [&](const nlmsghdr *message) { out.push_back(socket_of(message)); }),
          "list the unix sockets (sock_diag)");
    return out;
}

} // namespace cr::sys
