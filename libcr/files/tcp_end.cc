#include "libcr/files/tcp_end.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/files/inet_socket.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/inet_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <ctime>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr uint16_t kWindow = 0xffff;

uint32_t sum_words(const std::string &bytes, uint32_t sum = 0)
{
    for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
        uint16_t word;
        std::memcpy(&word, bytes.data() + i, 2);
        sum += ntohs(word);
    }
    return sum;
}

uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons(static_cast<uint16_t>(~sum));
}

template <class T> std::string as_bytes(const T &value)
{
    return {reinterpret_cast<const char *>(&value), sizeof value};
}

std::string tcp_header(const sys::InetEnd &from, const sys::InetEnd &to, uint32_t number,
                       uint32_t acknowledged)
{
    tcphdr header{};
    header.source = from.port;
    header.dest = to.port;
    header.seq = htonl(number);
    header.ack_seq = htonl(acknowledged);
    header.doff = sizeof header / 4;
    header.fin = header.ack = 1;
    header.window = htons(kWindow);
    uint32_t sum = sum_words(from.address, sum_words(to.address, IPPROTO_TCP + sizeof header));
    header.check = folded(sum_words(as_bytes(header), sum));
    return as_bytes(header);
}

std::string ip_header(const sys::InetEnd &from, const sys::InetEnd &to, size_t size)
{
    if (from.address.size() == 4) {
        iphdr header{};
        header.version = 4;
        header.ihl = sizeof header / 4;
        header.tot_len = htons(static_cast<uint16_t>(sizeof header + size));
        header.ttl = 64;
        header.protocol = IPPROTO_TCP;
        std::memcpy(&header.saddr, from.address.data(), 4);
        std::memcpy(&header.daddr, to.address.data(), 4);
        return as_bytes(header); // the kernel adds the check sum
    }
    ip6_hdr header{};
    header.ip6_flow = htonl(6u << 28);
    header.ip6_plen = htons(static_cast<uint16_t>(size));
    header.ip6_nxt = IPPROTO_TCP;
    header.ip6_hops = 64;
    std::memcpy(&header.ip6_src, from.address.data(), 16);
    std::memcpy(&header.ip6_dst, to.address.data(), 16);
    return as_bytes(header);
}

std::string destination(const sys::InetEnd &to)
{
    if (to.address.size() == 4) {
        sockaddr_in out{};
        out.sin_family = AF_INET;
        std::memcpy(&out.sin_addr, to.address.data(), 4);
        return as_bytes(out);
    }
    sockaddr_in6 out{};
    out.sin6_family = AF_INET6;
    std::memcpy(&out.sin6_addr, to.address.data(), 16);
    return as_bytes(out);
}

void send_end(const sys::InetEnd &from, const sys::InetEnd &to, uint32_t number, uint32_t acknowledged)
{
    int family = from.address.size() == 4 ? AF_INET : AF_INET6;
    Fd raw(static_cast<int>(sys::check(sys::call(SYS_socket, family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW),
                                       "make a raw socket")));
    sys::check(
        sys::call(SYS_setsockopt, raw.get(), SOL_SOCKET, SO_MARK, &sys::kPassMark, sizeof sys::kPassMark),
        "mark a packet");
    // Whatever its addresses are, it stays on this machine.
    sys::check(sys::call(SYS_setsockopt, raw.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo"),
               "use the loopback interface");
    std::string tcp = tcp_header(from, to, number, acknowledged),
                packet = ip_header(from, to, tcp.size()) + tcp;
    std::string where = destination(to);
    sys::check(sys::call(SYS_sendto, raw.get(), packet.data(), packet.size(), 0, where.data(), where.size()),
               "tell a socket of the end of its connection");
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
    sys::InetEnd here = sys::inet_end(local), there = sys::inet_end(peer);
    const img::tcp_stream_entry &entry = stream.entry;
    uint32_t acknowledged = entry.outq_seq() - tcp_has_sent_fin(stream.state) - entry.outq_len();
    for (int i = 0; !has_heard(fd); i++) {
        if (i == kTries)
            failed_with(0, cat("tell a socket that ", address_text(peer), " has ended their connection"),
                        "is the loopback device up?");
        if (i % kTriesOfOne == 0)
            send_end(there, here, next_received(stream), acknowledged);
        else
            sys::call(SYS_nanosleep, &kPause, nullptr);
    }
}

} // namespace cr::files
