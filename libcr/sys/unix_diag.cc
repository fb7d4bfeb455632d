#include "libcr/sys/unix_diag.h"

#include "libcr/sys/gate.h"
#include "libcr/sys/netlink.h"
#include "libcr/sys/sock_diag.h"

#include <algorithm>
#include <cstring>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

namespace cr::sys
{

namespace
{

constexpr int kAttributeShutdown = 6; // UNIX_DIAG_SHUTDOWN

void take(int type, std::string_view value, UnixSocket &out)
{
    switch (type) {
    case UNIX_DIAG_NAME:
        out.name = value;
        break;
    case UNIX_DIAG_VFS: {
        auto vfs = value_as<unix_diag_vfs>(value);
        out.file = {vfs.udiag_vfs_ino, vfs.udiag_vfs_dev};
        break;
    }
    case UNIX_DIAG_PEER:
        out.peer = value_as<uint32_t>(value);
        break;
    case UNIX_DIAG_ICONS:
        out.waiting.resize(value.size() / sizeof(uint32_t));
        std::memcpy(out.waiting.data(), value.data(), out.waiting.size() * sizeof(uint32_t));
        break;
    case UNIX_DIAG_RQLEN: {
        auto lengths = value_as<unix_diag_rqlen>(value);
        out.unread = lengths.udiag_rqueue;
        out.unsent = lengths.udiag_wqueue;
        break;
    }
    case kAttributeShutdown:
        out.shutdown = value_as<uint8_t>(value);
        break;
    default:
        break;
    }
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
    auto see = [&](const nlmsghdr &message) {
        auto *head = static_cast<const unix_diag_msg *>(netlink_head(message, sizeof(unix_diag_msg)));
        if (!head)
            return;
        UnixSocket &one = out.emplace_back();
        one.inode = head->udiag_ino;
        one.type = head->udiag_type;
        one.state = head->udiag_state;
        netlink_attributes(message, sizeof *head,
                           [&](uint16_t type, std::string_view value) { take(type, value, one); });
    };
    check(list_sockets(bytes_of(body), see), "list the unix sockets (sock_diag)");
    return out;
}

} // namespace cr::sys
