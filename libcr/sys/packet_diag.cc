#include "libcr/sys/packet_diag.h"

#include "libcr/sys/gate.h"
#include "libcr/sys/sock_diag.h"

#include <algorithm>
#include <cstring>
#include <linux/packet_diag.h>
#include <sys/socket.h>

namespace cr::sys
{

namespace
{

template <class T> T get(const char *data, size_t size)
{
    T out{};
    std::memcpy(&out, data, std::min(size, sizeof out));
    return out;
}

void take(int type, const char *data, size_t size, PacketSocket &out)
{
    switch (type) {
    case PACKET_DIAG_INFO: {
        auto info = get<packet_diag_info>(data, size);
        out.interface = info.pdi_index;
        out.version = info.pdi_version;
        out.reserve = info.pdi_reserve;
        out.copy_threshold = info.pdi_copy_thresh;
        out.time_stamp = info.pdi_tstamp;
        out.flags = info.pdi_flags;
        break;
    }
    case PACKET_DIAG_MCLIST:
        for (; size >= sizeof(packet_diag_mclist);
             data += sizeof(packet_diag_mclist), size -= sizeof(packet_diag_mclist)) {
            auto one = get<packet_diag_mclist>(data, size);
            size_t length = std::min<size_t>(one.pdmc_alen, sizeof one.pdmc_addr);
            out.memberships.push_back({one.pdmc_index, one.pdmc_count, one.pdmc_type,
                                       {reinterpret_cast<char *>(one.pdmc_addr), length}});
        }
        break;
    case PACKET_DIAG_RX_RING:
    case PACKET_DIAG_TX_RING: {
        auto ring = get<packet_diag_ring>(data, size);
        (type == PACKET_DIAG_RX_RING ? out.receives : out.sends) =
            PacketSocket::Ring{ring.pdr_block_size, ring.pdr_block_nr,   ring.pdr_frame_size, ring.pdr_frame_nr,
                               ring.pdr_retire_tmo, ring.pdr_sizeof_priv, ring.pdr_features};
        break;
    }
    case PACKET_DIAG_FANOUT:
        out.fanout = get<uint32_t>(data, size);
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
    long r = list_sockets(&body, sizeof body, [&](const nlmsghdr *message) {
        auto *head = static_cast<const packet_diag_msg *>(NLMSG_DATA(message));
        PacketSocket &socket = out.emplace_back();
        socket.inode = head->pdiag_ino;
        socket.type = head->pdiag_type;
        socket.protocol = head->pdiag_num;
        for_attributes(message, head, [&](int type, const char *data, size_t size) {
            take(type, data, size, socket);
        });
    });
    check(r, "list the packet sockets (sock_diag)");
    return out;
}

} // namespace cr::sys
