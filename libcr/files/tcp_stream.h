// An open TCP connection. Sequence numbers, windows, negotiated options and both queues are read and set in
// the kernel's repair mode (TCP_REPAIR, CAP_NET_ADMIN), in which a socket can be made connected without a
// packet. A FIN that was sent is sent again, by shutdown(2), when the connection goes on; one that was
// received from outside is heard again, see tcp_end.h.
//
// Where both ends are in the tree, its connection rests while an end is looked at: the tasks are stopped.
// What was on its way then arrives, so the numbers of the two ends are compared, and read again when they do
// not belong together. Where it leads out of the tree, the network is locked (net/lock.h).
//
// Image: tcp-stream-INODE.img, tcp_stream_entry and the bytes of both queues.
#pragma once

#include "libcr/files/socket_undo.h"
#include "libcr/image/dir.h"
#include "tcp-stream.pb.h"

#include <string>

namespace cr::files
{

// States in which a descriptor can have a connection (tcp_states.h).
bool tcp_is_open(uint32_t state);
bool tcp_has_sent_fin(uint32_t state);
bool tcp_has_received_fin(uint32_t state);

struct TcpStream {
    uint32_t state = 0;
    img::tcp_stream_entry entry;
    std::string received, sent; // not read yet; not acknowledged yet
};

// `fd` is left as it was.
TcpStream read_stream(int fd, SocketUndo &undo);
// Whether what one has sent and the other has received fits, in both directions.
// The number of the next byte, or of the end, that the other side sends.
uint32_t next_received(const TcpStream &stream);
bool belong_together(const TcpStream &a, const TcpStream &b);
void write_stream(const image::Dir &images, uint32_t inode, const TcpStream &stream);

TcpStream load_stream(const image::Dir &images, uint32_t inode, uint32_t state);
// On a new socket, in this order. It is in repair mode in between; all ends leave it before any is told to
// finish().
void prepare_stream(int fd, const TcpStream &stream); // then it is bound and connected
void fill_stream(int fd, const TcpStream &stream);
void leave_stream_repair(int fd);
void finish_stream(int fd, const TcpStream &stream);

} // namespace cr::files
