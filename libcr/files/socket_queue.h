// What a socket has received and nobody has read yet: seen without taking it (MSG_PEEK), and sent again on
// restore.
//
// Of a stream one look shows all. Of datagrams a second look shows the first one again, unless the socket's
// peek offset is set (SO_PEEK_OFF, socket(7)), which belongs to the socket: it is set for the few calls that
// this takes, and only when there is something to be read. A process beside us sets it back if we are killed.
//
// Descriptors that were sent along (SCM_RIGHTS) come as copies. In a stream they belong to the first byte of
// what they were sent with.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/files/socket_undo.h"
#include "libcr/image/dir.h"
#include "libcr/image/writer.h"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace cr::files
{

struct Packet {
    std::string bytes;
    std::optional<ucred> sender;  // where the socket asks for it (SO_PASSCRED)
    std::string source;           // who sent a datagram, as sockaddr; empty: nobody with a name
    std::string destination;      // to which address, where the socket asks for it (IP_PKTINFO)
    int ttl = -1, tos = -1;       // where the socket asks for them (IP_RECVTTL, IP_RECVTOS); -1: unknown
    int waiting = -1;             // of a socket that listens: which of those that wait there has sent it
    std::vector<Fd> carried;      // of a queue that was looked at: the descriptors in it
    std::vector<uint32_t> rights; // of an image: the ids of their files
};

// Whether reading would not have to wait.
bool has_something(int fd);

// `type` is SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. Refuses what cannot be kept.
// `undo` is made when it is needed.
std::vector<Packet> read_queue(int fd, int type, std::optional<SocketUndo> &undo);
// `file_of` gives the id of a carried descriptor's file.
void put_packet(image::Writer &writer, uint32_t id, const Packet &packet,
                const std::function<uint32_t(int)> &file_of = {});

// By the ids of their sockets, in order. Checks them.
using Queues = std::map<uint32_t, std::vector<Packet>>;
Queues read_queues(const image::Dir &images);
// To `address` or, when that is empty, where the socket is connected to. `number_of` gives a descriptor of the
// file of that id.
void send_packets(int fd, std::span<const Packet> packets, const std::function<int(uint32_t)> &number_of,
                  const std::string &address = {});

} // namespace cr::files
