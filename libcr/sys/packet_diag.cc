#include "libcr/sys/packet_diag.h"

#include "libcr/sys/gate.h"
#include "libcr/sys/netlink.h"
#include "libcr/sys/sock_diag.h"

#include <algorithm>
#include <cstring>
#include <linux/netlink.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

namespace cr::sys
{

namespace
{

void take(int type, std::string_view value, PacketSocket &out)
{
    switch (type) {
    case PACKET_DIAG_INFO: {
        auto info = value_as<packet_diag_info>(value);
        out.interface = info.pdi_index;
        out.version = info.pdi_version;
        out.reserve = info.pdi_reserve;
        out.copy_threshold = info.pdi_copy_thresh;
        out.time_stamp = info.pdi_tstamp;
        out.flags = info.pdi_flags;
        break;
    }
    case PACKET_DIAG_MCLIST:
        for (; value.size() >= sizeof(packet_diag_mclist); value.remove_prefix(sizeof(packet_diag_mclist))) {
            auto one = value_as<packet_diag_mclist>(value);
            size_t length = std::min<size_t>(one.pdmc_alen, sizeof one.pdmc_addr);
            out.memberships.push_back({one.pdmc_index, one.pdmc_count, one.pdmc_type,
                                       {reinterpret_cast<char *>(one.pdmc_addr), length}});
        }
        break;
    case PACKET_DIAG_RX_RING:
    case PACKET_DIAG_TX_RING: {
        auto ring = value_as<packet_diag_ring>(value);
        (type == PACKET_DIAG_RX_RING ? out.receives : out.sends) =
            PacketSocket::Ring{ring.pdr_block_size, ring.pdr_block_nr,   ring.pdr_frame_size, ring.pdr_frame_nr,
                               ring.pdr_retire_tmo, ring.pdr_sizeof_priv, ring.pdr_features};
        break;
    }
    case PACKET_DIAG_FANOUT:
        out.fanout = value_as<uint32_t>(value);
        break;
    default:
        break;
    }
}

} // namespace

std::vector<PacketSocket> packet_sockets()
{
    packet_diag_req body{};
    body.sdiag_family = AF_PACKET;
    body.pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_MCLIST | PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT;
    std::vector<PacketSocket> out;
    auto see = [&](const nlmsghdr &message) {
        auto *head = static_cast<const packet_diag_msg *>(netlink_head(message, sizeof(packet_diag_msg)));
        if (!head)
            return;
        PacketSocket &one = out.emplace_back();
        one.inode = head->pdiag_ino;
        one.type = head->pdiag_type;
        one.protocol = head->pdiag_num;
        netlink_attributes(message, sizeof *head,
                           [&](uint16_t type, std::string_view value) { take(type, value, one); });
    };
    check(list_sockets(bytes_of(body), see), "list the packet sockets (sock_diag)");
    return out;
}

} // namespace cr::sys
