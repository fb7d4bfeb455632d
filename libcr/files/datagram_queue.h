// Datagrams that an internet socket has received and nobody has read yet. They are seen with their senders
// (socket_queue.h), and come back by a raw socket that sends them once more over loopback, from the address
// that they came from (ip_packet.h). From before it is bound until it is what it was, a filter lets nothing else
// into the socket.
//
// The socket is bound and not connected yet then: so it takes them, whoever it will be connected to.
#pragma once

#include "libcr/files/multicast.h"
#include "libcr/files/socket_queue.h"
#include "sk-inet.pb.h"

#include <map>
#include <optional>

namespace cr::files
{

class Tree;
struct Description;

// What is to be known of internet sockets that are none of TCP besides their addresses and options: what shutdown
// has ended, groups, the queue.
class Datagrams
{
  public:
    explicit Datagrams(Tree &tree) : tree_(tree) {}
    // Fills in the entry and stores the queue.
    void capture(Description &description);

  private:
    Tree &tree_;
    std::optional<MulticastGroups> groups_;
    // By family and protocol; nothing where the kernel does not tell.
    std::map<std::pair<int, int>, std::optional<std::map<uint32_t, uint8_t>>> shutdowns_;
    std::optional<SocketUndo> undo_;
};

// The socket takes only what we send (sys::kPassMark) until it has another filter or none.
void close_to_others(int fd);
// How many of `packets` came, in their order: all, or those before the first that did not. `fd` is closed to
// others, and not bound yet.
size_t deliver(int fd, const img::inet_sk_entry &socket, const std::vector<Packet> &packets);

} // namespace cr::files
