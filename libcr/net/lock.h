// The network lock: a table of the packet filter (nftables) that drops every packet of some TCP connections,
// in both directions and on every device, loopback included. While connections are read, or are made again
// and not finished, nothing of them may be acknowledged to a peer, nor be answered by a reset.
//
// A table is owned, that is gone with the netlink socket it was made by, or lasting: from a dump that ends
// its tasks until the restore. Packets with the mark sys::kPassMark pass: by them the restore tells a socket
// what its peer has said before.
//
//   table inet NAME {
//       set conns4 { type ipv4_addr . inet_service . ipv4_addr . inet_service }, and conns6
//       chain input  { priority 300:  meta mark 0xc114 accept; those of a set: drop }
//       chain output { priority -300: likewise }
//   }
//
// Outgoing packets are looked at before, incoming ones after their addresses are translated: as the socket
// has them.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/base/text.h"

#include <span>
#include <string>
#include <utility>

namespace cr::net
{

// Addresses as sockaddr; v4 ones in v6 are as v4 ones.
struct Connection {
    std::string local, peer;
};

enum class Lifetime { OfSocket, Lasting };

// In one transaction, through a socket of sys::open_nftables(). Throws; nothing is made then. A lasting
// table that is there already is as good.
void lock(int nftables, const std::string &table, std::span<const Connection> connections, Lifetime lifetime);
// Removes a table; one that is not there is as good. Throws.
void unlock(int nftables, const std::string &table);

// The name of the lasting table of a dump.
inline std::string lasting_table(const std::string &run_id) { return cat("CRIU-", run_id); }

} // namespace cr::net
