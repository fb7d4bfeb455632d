// Packet sockets as the kernel lists them: include/uapi/linux/packet_diag.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cr::sys
{

struct PacketSocket {
    uint32_t inode = 0;
    uint32_t type = 0, protocol = 0; // protocol as the host has numbers
    uint32_t interface = 0, version = 0, reserve = 0, copy_threshold = 0, time_stamp = 0;
    uint32_t flags = 0; // PDI_RUNNING, PDI_AUXDATA, PDI_ORIGDEV, PDI_VNETHDR, PDI_LOSS
    struct Membership {
        uint32_t interface, count;
        uint16_t type;
        std::string address;
    };
    std::vector<Membership> memberships;
    struct Ring {
        uint32_t block_size, blocks, frame_size, frames, timeout, private_size, features;
    };
    std::optional<Ring> receives, sends;
    std::optional<uint32_t> fanout; // the group and, in the upper half, how packets are spread
};

// Throws when the kernel was built without them (CONFIG_PACKET_DIAG).
std::vector<PacketSocket> packet_sockets();

} // namespace cr::sys
