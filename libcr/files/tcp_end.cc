#include "libcr/files/tcp_end.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/inet_socket.h"
#include "libcr/files/ip_packet.h"
#include "libcr/sys/gate.h"

#include <arpa/inet.h>
#include <cstring>
#include <ctime>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr uint16_t kWindow = 0xffff;

IpPacket end_of(const TcpStream &stream, const std::string &local, const std::string &peer)
{
    const img::tcp_stream_entry &entry = stream.entry;
    tcphdr header{};
    header.seq = htonl(next_received(stream));
    header.ack_seq = htonl(entry.outq_seq() - tcp_has_sent_fin(stream.state) - entry.outq_len());
    header.doff = sizeof header / 4;
    header.fin = header.ack = 1;
    header.window = htons(kWindow);
    IpPacket out;
    out.protocol = IPPROTO_TCP;
    out.source = unmapped(peer);
    out.destination = unmapped(local);
    out.tcp.assign(reinterpret_cast<const char *>(&header), sizeof header);
    return out;
}

bool has_heard(int fd)
{
    tcp_info info{};
    socklen_t size = sizeof info;
    sys::check(sys::call(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &size), "read TCP_INFO");
    return info.tcpi_state != TCP_ESTABLISHED && info.tcpi_state != TCP_FIN_WAIT1 &&
           info.tcpi_state != TCP_FIN_WAIT2;
}

} // namespace

void hear_end(int fd, const std::string &local, const std::string &peer, const TcpStream &stream)
{
    constexpr int kTries = 1000, kTriesOfOne = 100;
    constexpr timespec kPause{0, 1'000'000};
    IpPacket end = end_of(stream, local, peer);
    sa_family_t family;
    std::memcpy(&family, end.source.data(), sizeof family);
    PacketSender sender(family);
    for (int i = 0; !has_heard(fd); i++) {
        if (i == kTries)
            failed_with(0, cat("tell a socket that ", address_text(peer), " has ended their connection"),
                        "is the loopback device up?");
        if (i % kTriesOfOne == 0)
            sys::check(sender.send(end), "tell a socket of the end of its connection");
        else
            sys::call(SYS_nanosleep, &kPause, nullptr);
    }
}

} // namespace cr::files
