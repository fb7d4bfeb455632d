// Making internet sockets again, see inet_socket.h.
#include "libcr/base/error.h"
#include "libcr/base/insist.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/datagram_queue.h"
#include "libcr/files/inet_socket.h"
#include "libcr/files/multicast.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/socket_options.h"
#include "libcr/files/tcp_end.h"
#include "libcr/files/tcp_stream.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/inet_diag.h"
#include "libcr/sys/nonblocking.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <map>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <set>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

using Socket = img::inet_sk_entry;

template <class Words> std::string address_of(const Socket &socket, const Words &words, uint32_t port)
{
    if (socket.family() == AF_INET) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(static_cast<uint16_t>(port));
        in.sin_addr.s_addr = words.size() ? words[0] : 0;
        return {reinterpret_cast<char *>(&in), sizeof in};
    }
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(static_cast<uint16_t>(port));
    for (int i = 0; i < std::min(words.size(), 4); i++)
        std::memcpy(in6.sin6_addr.s6_addr + 4 * i, &words[i], 4);
    if (socket.has_ifname()) {
        in6.sin6_scope_id = ::if_nametoindex(socket.ifname().c_str());
        if (!in6.sin6_scope_id)
            refused(cat("there is no interface ", printable(socket.ifname())));
    }
    return {reinterpret_cast<char *>(&in6), sizeof in6};
}

// Raw sockets have no ports.
bool is_connected(const Socket &socket)
{
    auto set = [](uint32_t word) { return word != 0; };
    return (socket.dst_port() || std::any_of(socket.dst_addr().begin(), socket.dst_addr().end(), set)) &&
           socket.state() == TCP_ESTABLISHED;
}

void set_reuse(int fd, int value)
{
    sys::check(sys::call(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value),
               "set SO_REUSEADDR");
}

bool has_local(const Socket &socket)
{
    auto set = [](uint32_t word) { return word != 0; };
    return socket.src_port() || std::any_of(socket.src_addr().begin(), socket.src_addr().end(), set);
}

// By the caller, in place of what is in the images (--inherit-fd).
std::string key_of(const Socket &socket) { return cat("socket:[", socket.ino(), "]"); }
bool is_given(const Socket &socket, const Plan &plan) { return plan.inherits(key_of(socket)); }

bool is_stream(const Socket &socket, const Plan &plan)
{
    return socket.type() == SOCK_STREAM && tcp_is_open(socket.state()) && !plan.options().tcp_close &&
           !is_given(socket, plan);
}

// A connection that has ended, or shall come back so.
bool comes_closed(const Socket &socket, const Plan &plan)
{
    return socket.type() == SOCK_STREAM &&
           ((socket.state() == TCP_CLOSE && socket.shutdown() == img::BOTH) ||
            ((tcp_is_open(socket.state()) || socket.state() == TCP_SYN_SENT) && plan.options().tcp_close));
}

std::string local_of(const Socket &socket)
{
    return address_of(socket, socket.src_addr(), socket.src_port());
}
std::string peer_of(const Socket &socket) { return address_of(socket, socket.dst_addr(), socket.dst_port()); }

// Which connections have both ends in the images.
class Pairs
{
  public:
    explicit Pairs(const Plan &plan)
    {
        for (const img::file_entry &entry : plan.entries())
            if (entry.has_isk() && is_stream(entry.isk(), plan))
                ends_.insert(connection_key(local_of(entry.isk()), peer_of(entry.isk())));
    }
    bool has_other_end(const Socket &socket) const
    {
        std::string key = connection_key(peer_of(socket), local_of(socket));
        return ends_.count(key) && key != connection_key(local_of(socket), peer_of(socket));
    }

  private:
    std::set<std::string> ends_;
};

// The open connections. Pairs leave repair mode together, when everybody is bound; those to the outside when
// there is no way back any more.
struct Streams {
    explicit Streams(Opener &opener) : pairs(opener.plan) {}
    Pairs pairs;
    std::map<const img::file_entry *, TcpStream> inner, outer;
};

// What is left of connections that ended with the dump may keep the port busy.
void bind(int fd, const Socket &socket, const Plan &plan)
{
    std::string address = local_of(socket);
    long r = sys::call(SYS_bind, fd, address.data(), address.size());
    if (r == -EADDRINUSE && socket.type() == SOCK_STREAM) {
        for (int family : {AF_INET, AF_INET6})
            sys::end_remains(family, static_cast<uint16_t>(socket.src_port()));
        r = sys::call(SYS_bind, fd, address.data(), address.size());
        // It needs no address then, and its port may be that of a socket that listens.
        if (r == -EADDRINUSE && comes_closed(socket, plan))
            return;
    }
    sys::check(r, [&] { return cat("bind a socket to ", address_text(address)); });
}

void connect(int fd, const Socket &socket)
{
    std::string address = peer_of(socket);
    long r = sys::call(SYS_connect, fd, address.data(), address.size());
    if (r == -EADDRNOTAVAIL && tcp_is_open(socket.state())) {
        for (int family : {AF_INET, AF_INET6})
            sys::end_remains(family, static_cast<uint16_t>(socket.src_port()));
        r = sys::call(SYS_connect, fd, address.data(), address.size());
    }
    sys::check(r, [&] { return cat("connect a socket to ", address_text(address)); });
}

void open_to_others(int fd, const img::sk_opts_entry &options)
{
    int nothing = 0;
    if (options.so_filter_size())
        apply_filter(fd, options); // in the other's place
    else
        sys::check(sys::call(SYS_setsockopt, fd, SOL_SOCKET, SO_DETACH_FILTER, &nothing, sizeof nothing),
                   "open a socket to others again");
}

// Datagrams come before it is bound and connected: then it takes them from anybody, and nobody else does.
void refill(int fd, const img::file_entry &entry, Opener &opener)
{
    auto found = opener.plan.socket_queues().find(entry.id());
    if (found == opener.plan.socket_queues().end() || entry.isk().type() != SOCK_DGRAM)
        return;
    size_t came = deliver(fd, entry.isk(), found->second);
    if (came < found->second.size())
        log::warning(Subject::current(), ": ", found->second.size() - came,
                     " datagrams that nobody had read could not be delivered again");
}

} // namespace

std::string local_address(const img::inet_sk_entry &socket) { return local_of(socket); }
std::string peer_address(const img::inet_sk_entry &socket) { return peer_of(socket); }

void check_inet(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_isk())
        bad_image("an internet socket without its part");
    const Socket &socket = entry.isk();
    if (is_given(socket, plan))
        return;
    if (socket.cr_given())
        refused(cat("the dump left out the socket ", key_of(socket), " (--external)"),
                cat("give it: --inherit-fd fd[N]:", key_of(socket)));
    int words = socket.family() == AF_INET ? 1 : 4;
    if (socket.family() != AF_INET && socket.family() != AF_INET6)
        bad_image(cat("an internet socket of family ", socket.family()));
    if (socket.src_port() > 65535 || socket.dst_port() > 65535)
        bad_image(cat("port ", socket.src_port(), " or ", socket.dst_port()));
    if (socket.src_addr_size() > words || socket.dst_addr_size() > 4)
        bad_image("an address that is too long");
    bool tcp = socket.type() == SOCK_STREAM && (socket.proto() == IPPROTO_TCP || !socket.proto());
    bool udp = socket.type() == SOCK_DGRAM &&
               (socket.proto() == IPPROTO_UDP || socket.proto() == IPPROTO_UDPLITE || !socket.proto());
    bool others = socket.type() == SOCK_RAW ||
                  (socket.type() == SOCK_DGRAM &&
                   (socket.proto() == IPPROTO_ICMP || socket.proto() == IPPROTO_ICMPV6));
    check_memberships(socket);
    if (!tcp && !udp && !others)
        refused(cat("internet sockets of type ", socket.type(), " and protocol ", socket.proto(),
                    " are not supported yet"));
    if (!tcp || socket.state() == TCP_LISTEN || socket.state() == TCP_CLOSE)
        return;
    if (socket.state() == TCP_SYN_SENT && !socket.dst_port())
        bad_image("a TCP connection that is being made to nobody");
    if (socket.state() == TCP_SYN_SENT)
        return;
    if (!tcp_is_open(socket.state()))
        refused(cat("TCP connections in state ", socket.state(), " are not supported yet"),
                "make the dump with --tcp-close");
    if (!plan.options().tcp_close)
        load_stream(plan.images(), socket.ino(), socket.state());
}

void open_inet(const img::file_entry &entry, Opener &opener)
{
    const Socket &socket = entry.isk();
    if (Fd given = opener.plan.inherit_as_is(key_of(socket)))
        return opener.place_as_it_is(entry, std::move(given));
    Fd fd(static_cast<int>(
        sys::check(sys::call(SYS_socket, socket.family(), socket.type() | SOCK_CLOEXEC, socket.proto()),
                   "make an internet socket")));
    apply_options(fd.get(), socket.opts());
    apply_inet_options(fd.get(), socket);
    bool tcp = socket.type() == SOCK_STREAM;
    if (tcp)
        set_reuse(fd.get(), 1);
    else
        close_to_others(fd.get());
    TcpStream *stream = nullptr;
    bool outer = false;
    if (is_stream(socket, opener.plan)) {
        auto &streams = opener.state<Streams>();
        outer = !streams.pairs.has_other_end(socket);
        stream = &((outer ? streams.outer : streams.inner)[&entry] =
                       load_stream(opener.plan.images(), socket.ino(), socket.state()));
        prepare_stream(fd.get(), *stream);
    }
    join_groups(fd.get(), socket);
    refill(fd.get(), entry, opener);
    if (has_local(socket))
        bind(fd.get(), socket, opener.plan);
    if (stream || (!tcp && is_connected(socket)))
        connect(fd.get(), socket);
    if (!tcp)
        open_to_others(fd.get(), socket.opts());
    if (stream)
        fill_stream(fd.get(), *stream);
    if (outer && tcp_has_received_fin(stream->state) && stream->state != TCP_CLOSING)
        hear_end(fd.get(), local_of(socket), peer_of(socket), *stream);
    if (socket.state() == TCP_LISTEN && tcp)
        sys::check(sys::call(SYS_listen, fd.get(), socket.backlog()), "listen");
    opener.place(entry, std::move(fd));
}

// When everybody is bound, as a socket that leaves repair mode does not share its port any more.
void arm_inet(const img::file_entry &, Opener &opener)
{
    if (!opener.first_of("TCP connections", 0))
        return;
    const auto &inner = opener.state<Streams>().inner;
    for (auto &[entry, stream] : inner)
        leave_stream_repair(opener.plan.number(*entry));
    for (auto &[entry, stream] : inner) {
        finish_stream(opener.plan.number(*entry), stream);
        apply_options(opener.plan.number(*entry), entry->isk().opts());
    }
}

static void let_go(int fd, const Socket &socket, const TcpStream &stream)
{
    insist([&] { leave_stream_repair(fd); });
    finish_stream(fd, stream);
    if (stream.state == TCP_CLOSING)
        insist([&] { hear_end(fd, local_of(socket), peer_of(socket), stream); });
    insist([&] { apply_options(fd, socket.opts()); });
}

void let_go_inet(Opener &opener)
{
    for (auto &[entry, stream] : opener.state<Streams>().outer) {
        auto what = [entry = entry] { return cat("TCP connection to ", address_text(peer_of(entry->isk()))); };
        Subject subject(what);
        try {
            let_go(opener.plan.number(*entry), entry->isk(), stream);
        } catch (const Error &error) {
            log::warning(error.what(), ": it may be broken");
        }
    }
}

std::vector<std::pair<std::string, std::string>> outer_connections(const Plan &plan)
{
    Pairs pairs(plan);
    std::vector<std::pair<std::string, std::string>> out;
    for (const img::file_entry &entry : plan.entries())
        if (entry.has_isk() && is_stream(entry.isk(), plan) && !pairs.has_other_end(entry.isk()))
            out.emplace_back(local_of(entry.isk()), peer_of(entry.isk()));
    return out;
}

// One that was being made is begun again; how it went is told to the program as that of before.
static void begin_connection(int fd, const Socket &socket)
{
    std::string address = peer_of(socket);
    sys::NonBlocking nonblocking(fd);
    long r = sys::call(SYS_connect, fd, address.data(), address.size());
    if (r < 0 && r != -EINPROGRESS)
        log::warning(Subject::current(), ": the connection to ", address_text(address),
                     " cannot be made again: ", errno_text(static_cast<int>(-r)));
}

// When everybody is bound.
void finish_inet(const img::file_entry &entry, Opener &opener)
{
    const Socket &socket = entry.isk();
    int fd = opener.plan.number(entry);
    if (is_given(socket, opener.plan))
        return;
    if (socket.type() == SOCK_STREAM)
        set_reuse(fd, socket.opts().reuseaddr());
    // Of an unconnected one this reports an error, and works all the same.
    apply_further_options(fd, socket.opts(), true);
    if (comes_closed(socket, opener.plan))
        sys::call(SYS_shutdown, fd, SHUT_RDWR);
    else if (socket.type() == SOCK_STREAM && socket.state() == TCP_SYN_SENT)
        begin_connection(fd, socket);
    else if (socket.shutdown())
        sys::call(SYS_shutdown, fd, static_cast<int>(socket.shutdown()) - 1);
}

} // namespace cr::files
