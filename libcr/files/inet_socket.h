// Sockets of the internet families: TCP, UDP, UDP-Lite, raw ones, and those that ping. Open connections of TCP are
// in tcp_stream.h; what others have received, and the groups that they have joined, in datagram_queue.h.
//
// All is asked of a copy of the descriptor: addresses, TCP_INFO, options. On restore the socket is bound
// while SO_REUSEADDR is on, so that neither connections of before nor sockets of the same port are in the
// way. A TCP connection that is only being made (SYN_SENT) is begun again.
//
// Image: inet_sk_entry. State numbers are those of the kernel (tcp_states.h).
//
// Not kept: to which address a raw socket is connected where that was given without a port (the kernel does not
// tell it), an empty datagram that an earlier dump has looked at, packets that raw sockets have received, and errors (told at dump), a shutdown of the sending side of
// raw sockets (the kernel does not tell it).
#pragma once

#include "libcr/files/further_options.h"
#include "libcr/files/kind.h"

#include <optional>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace cr::files
{

// What a socket says of itself.
struct InetState {
    int type = 0, protocol = 0;
    uint32_t state = 0;
    uint32_t waiting = 0, backlog = 0; // of a listening one
    bool held_back = false;            // a part of a datagram that is not complete yet
    bool receives_no_more = false;
    bool has_urgent = false; // a byte out of band waits in it
    bool has_error = false;  // of UDP: one waits before datagrams
    const char *unkept = nullptr; // something in it that no kernel gives away
    std::string local, peer; // as sockaddr; empty: none

    // It listens or is connected.
    bool is_open_tcp() const;
};

InetState inet_state(int fd);
// Why a socket cannot be kept; nothing when it can.
std::optional<Blocker> inet_blocker(const Facts &facts, const InetState &state, const DumpOptions &options);
// TCP, and neither closed nor listening nor only being made.
bool is_connection(const InetState &state);
// Or one that may be open the next moment (SYN_SENT).
bool is_or_will_be_connection(const InetState &state);
// Equal for a connection and, with both exchanged, for its other end; v4 addresses in v6 are as v4 ones.
std::string connection_key(const std::string &local, const std::string &peer);

// "127.0.0.1:80", "[::1]:80".
std::string address_text(const std::string &address);
// The names of a socket of the images and of its peer, as sockaddr.
std::string local_address(const img::inet_sk_entry &socket);
std::string peer_address(const img::inet_sk_entry &socket);

// ---- options of IP, IPv6, TCP ----
void capture_inet_options(int fd, int family, const InetState &state, OptionDefaults &defaults,
                          img::inet_sk_entry &to);
// Before the socket is bound.
void apply_inet_options(int fd, const img::inet_sk_entry &from);

// ---- restore ----
void check_inet(const img::file_entry &entry, const Plan &plan);
void open_inet(const img::file_entry &entry, Opener &opener);
void arm_inet(const img::file_entry &entry, Opener &opener);
void finish_inet(const img::file_entry &entry, Opener &opener);
void let_go_inet(Opener &opener);
// The addresses, as sockaddr, of connections whose other end is not in the images: here, and there.
std::vector<std::pair<std::string, std::string>> outer_connections(const Plan &plan);

} // namespace cr::files
