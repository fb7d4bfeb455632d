// What a socket has received and nobody has read yet: seen without taking it (MSG_PEEK), and sent again on
// restore.
//
// Of a stream one look shows all. Of datagrams a second look shows the first one again, unless the socket's
// peek offset is set (SO_PEEK_OFF, socket(7)), which belongs to the socket: it is set for the few calls that
// this takes, and only when there is something to be read. A process beside us sets it back if we are killed.
#pragma once

#include "libcr/files/socket_undo.h"
#include "libcr/image/dir.h"
#include "libcr/image/writer.h"

#include <map>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace cr::files
{

struct Packet {
    std::string bytes;
    std::optional<ucred> sender; // where the socket asks for it (SO_PASSCRED)
};

// `type` is SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. Refuses what cannot be kept.
// `undo` is made when it is needed.
std::vector<Packet> read_queue(int fd, int type, std::optional<SocketUndo> &undo);
void put_packet(image::Writer &writer, uint32_t id, const Packet &packet);

// By the ids of their sockets, in order. Checks them.
using Queues = std::map<uint32_t, std::vector<Packet>>;
Queues read_queues(const image::Dir &images);
// To `name` (an address) or, when that is empty, where the socket is connected to.
void send_packets(int fd, const std::vector<Packet> &packets, const std::string &address = {});

} // namespace cr::files
