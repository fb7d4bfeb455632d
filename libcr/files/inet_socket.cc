#include "libcr/files/inet_socket.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/datagram_queue.h"
#include "libcr/files/external.h"
#include "libcr/files/kinds.h"
#include "libcr/files/socket_options.h"
#include "libcr/files/tcp_stream.h"
#include "libcr/files/tree.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/inet_diag.h"

#include <arpa/inet.h>
#include <cstring>
#include <ctime>
#include <linux/sockios.h>
#include <map>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr uint32_t kClosed = TCP_CLOSE, kListens = TCP_LISTEN;
constexpr int kMptcp = 262; // IPPROTO_MPTCP

bool claims(const Facts &f)
{
    return S_ISSOCK(f.st.st_mode) && (f.socket_domain == AF_INET || f.socket_domain == AF_INET6);
}

// What needs the socket itself is asked later, see inet_blocker().
std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

constexpr int kAuthentication = 40; // TCP_AO_INFO, Linux 6.7

// Keys, and what works with them, which can only be set.
const char *secret_of(int fd)
{
    char protocol[16] = "", keys[64] = "";
    socklen_t size = sizeof protocol;
    if (sys::call(SYS_getsockopt, fd, IPPROTO_TCP, TCP_ULP, protocol, &size) == 0 && size && *protocol)
        return "it has a protocol of the kernel's on top (TCP_ULP; TLS)";
    size = sizeof keys;
    if (sys::call(SYS_getsockopt, fd, IPPROTO_TCP, kAuthentication, keys, &size) == 0)
        return "it has authentication keys (TCP_AO)";
    return nullptr;
}

// It is there or announced, apart from all else that it has received.
bool has_urgent_byte(int fd)
{
    char byte;
    long n = sys::call(SYS_recvfrom, fd, &byte, 1, MSG_OOB | MSG_PEEK | MSG_DONTWAIT, 0, 0);
    return n > 0 || n == -EAGAIN;
}

std::string address_by(int fd, long call)
{
    std::string out(sizeof(sockaddr_in6), '\0');
    socklen_t size = static_cast<socklen_t>(out.size());
    if (sys::call(call, fd, out.data(), &size) < 0)
        return {};
    out.resize(size);
    return out;
}

template <class Address> Address as(const std::string &address)
{
    Address out{};
    std::memcpy(&out, address.data(), std::min(address.size(), sizeof out));
    return out;
}

template <class Words> uint16_t put_address(const std::string &address, Words &words)
{
    if (address.empty()) {
        words.Add(0);
        return 0;
    }
    uint32_t word;
    if (as<sockaddr>(address).sa_family == AF_INET) {
        auto in = as<sockaddr_in>(address);
        words.Add(in.sin_addr.s_addr);
        return ntohs(in.sin_port);
    }
    auto in6 = as<sockaddr_in6>(address);
    for (size_t i = 0; i < 4; i++) {
        std::memcpy(&word, in6.sin6_addr.s6_addr + 4 * i, sizeof word);
        words.Add(word);
    }
    return ntohs(in6.sin6_port);
}

void put_interface(const std::string &address, img::inet_sk_entry &to)
{
    char name[IF_NAMESIZE];
    if (to.family() != AF_INET6)
        return;
    if (uint32_t index = as<sockaddr_in6>(address).sin6_scope_id)
        if (::if_indextoname(index, name))
            to.set_ifname(name);
}

bool is_udp(const InetState &state)
{
    return state.type == SOCK_DGRAM && (state.protocol == IPPROTO_UDP || state.protocol == IPPROTO_UDPLITE);
}

bool is_tcp(const InetState &state) { return state.type == SOCK_STREAM && state.protocol == IPPROTO_TCP; }

bool pings(const InetState &state)
{
    return state.type == SOCK_DGRAM && (state.protocol == IPPROTO_ICMP || state.protocol == IPPROTO_ICMPV6);
}

void capture(Capture &c)
{
    Fd copy = c.tree.take(c.facts());
    InetState state = inet_state(copy.get());
    bool given = is_external_socket(c.facts(), c.tree.options());
    if (auto blocker = inet_blocker(c.facts(), state, c.tree.options()); blocker && !given)
        refused(blocker->reason, blocker->remedy);
    bool ends = state.is_open_tcp() && state.state != kListens && c.tree.options().tcp_close && !given;
    if (state.waiting && !given)
        log::warning(Subject::current(), ": ", state.waiting,
                     " connections that are not accepted yet are lost");
    img::inet_sk_entry &isk = *c.entry().mutable_isk();
    isk.set_id(c.id());
    isk.set_ino(static_cast<uint32_t>(c.facts().st.st_ino));
    isk.set_family(static_cast<uint32_t>(c.facts().socket_domain));
    isk.set_type(static_cast<uint32_t>(state.type));
    isk.set_proto(static_cast<uint32_t>(state.protocol));
    isk.set_state(ends ? kClosed : state.state);
    if (given)
        isk.set_cr_given(true);
    isk.set_flags(c.flags());
    isk.set_backlog(state.backlog);
    isk.set_src_port(put_address(state.local, *isk.mutable_src_addr()));
    isk.set_dst_port(put_address(ends ? "" : state.peer, *isk.mutable_dst_addr()));
    put_interface(state.local, isk);
    if (ends || (is_tcp(state) && state.state == kClosed && state.receives_no_more))
        isk.set_shutdown(img::BOTH);
    else if (state.receives_no_more && !tcp_has_received_fin(state.state))
        isk.set_shutdown(img::READ);
    c.owner(*isk.mutable_fown());
    if (given)
        capture_options(copy.get(), *isk.mutable_opts());
    else
        isk.MergeFrom(c.tree.known_options().of<img::inet_sk_entry>(
            c.facts(), {c.facts().socket_domain, state.type, state.protocol}, [&](img::inet_sk_entry &options) {
                capture_options(copy.get(), *options.mutable_opts());
                capture_inet_options(copy.get(), c.facts().socket_domain, state, c.tree.option_defaults(), options);
            }));
    capture_buffer_sizes(copy.get(), *isk.mutable_opts());
}

struct End {
    Description *description;
    InetState state;
};

void keep(Tree &tree, End &end, const TcpStream &stream)
{
    img::inet_sk_entry &isk = *end.description->entry.mutable_isk();
    isk.set_state(stream.state);
    write_stream(tree.images(), isk.ino(), stream);
}

// What its entry says of it, which was asked of it when that was made.
InetState state_of(const img::inet_sk_entry &isk)
{
    InetState out;
    out.type = static_cast<int>(isk.type());
    out.protocol = static_cast<int>(isk.proto());
    out.state = isk.state();
    out.local = local_address(isk);
    out.peer = peer_address(isk);
    return out;
}

// An urgent byte may have come since its entry was made.
Fd take_end(Tree &tree, End &end)
{
    Fd copy = tree.take(end.description->facts);
    end.state.has_urgent = has_urgent_byte(copy.get());
    auto what = [&] { return end.description->facts.subject(); };
    Subject subject(what);
    if (auto blocker = inet_blocker(end.description->facts, end.state, tree.options()))
        refused(blocker->reason, blocker->remedy);
    return copy;
}

// Both ends, read again until what was on its way between them has arrived.
void capture_pair(Tree &tree, SocketUndo &undo, End &a, End &b)
{
    constexpr int kTries = 100;
    constexpr timespec kPause{0, 2'000'000};
    Fd first = take_end(tree, a), second = take_end(tree, b);
    TcpStream one, two;
    for (int tries = 0;; tries++) {
        one = read_stream(first.get(), undo);
        two = read_stream(second.get(), undo);
        if (belong_together(one, two) && tcp_is_open(one.state) && tcp_is_open(two.state))
            break;
        if (tries == kTries)
            failed_with(0, cat("see the connection ", address_text(a.state.local), " to ",
                               address_text(a.state.peer), " at rest"));
        sys::call(SYS_nanosleep, &kPause, nullptr);
    }
    keep(tree, a, one);
    keep(tree, b, two);
}

// The network is locked: nobody outside hears of what the kernel does meanwhile.
void capture_outer(Tree &tree, SocketUndo &undo, End &end)
{
    TcpStream stream = read_stream(take_end(tree, end).get(), undo);
    if (tcp_is_open(stream.state))
        return keep(tree, end, stream);
    // Its peer has ended it since we looked.
    img::inet_sk_entry &isk = *end.description->entry.mutable_isk();
    isk.set_state(kClosed);
    isk.set_shutdown(img::BOTH);
}

void finish(Tree &tree)
{
    std::map<std::string, End> ends;
    Datagrams datagrams(tree);
    for (Description &description : tree.descriptions()) {
        if (description.kind != &kInetSocket || description.entry.isk().cr_given())
            continue;
        InetState state = state_of(description.entry.isk());
        if (!is_tcp(state))
            datagrams.capture(description);
        if (is_connection(state) && !tree.options().tcp_close)
            ends[connection_key(state.local, state.peer)] = {&description, state};
    }
    if (ends.empty())
        return;
    SocketUndo undo;
    for (auto &[key, end] : ends) {
        const Facts &facts = end.description->facts;
        auto what = [&] { return facts.subject(); };
        Subject subject(what);
        std::string other = connection_key(end.state.peer, end.state.local);
        auto peer = ends.find(other);
        if (peer == ends.end() || other == key)
            capture_outer(tree, undo, end);
        else if (key < other) // else it is done from its other end
            capture_pair(tree, undo, end, peer->second);
    }
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.isk().flags(), &entry.isk().fown()};
}

} // namespace

bool InetState::is_open_tcp() const { return is_tcp(*this) && state != kClosed; }

bool is_or_will_be_connection(const InetState &state) { return state.is_open_tcp() && state.state != kListens; }

bool is_connection(const InetState &state)
{
    return is_or_will_be_connection(state) && state.state != TCP_SYN_SENT;
}

std::string connection_key(const std::string &local, const std::string &peer)
{
    std::string out;
    for (const std::string *address : {&local, &peer}) {
        std::string text = address_text(*address);
        if (std::string_view mapped = "[::ffff:"; text.starts_with(mapped)) {
            text.erase(0, mapped.size());
            text.erase(text.find(']'), 1);
        }
        out += cat(text, " ");
    }
    return out;
}

std::string address_text(const std::string &address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address.empty())
        return "nobody";
    if (as<sockaddr>(address).sa_family == AF_INET) {
        auto in = as<sockaddr_in>(address);
        ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        return cat(text, ":", ntohs(in.sin_port));
    }
    auto in6 = as<sockaddr_in6>(address);
    ::inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
    return cat("[", text, "]:", ntohs(in6.sin6_port));
}

// Whether a datagram is being put together in it (UDP_CORK, MSG_MORE). What has not been sent yet says
// little: a whole datagram counts as well for as long as it waits for its device, or for the address of a
// neighbour. Nothing is sent to port 0: the kernel refuses that, but where something is held back, for then
// it adds first, and MSG_PROBE adds nothing. It is only to be asked of a socket that has sent: another would
// be bound by it.
bool holds_back(int fd, const std::string &local)
{
    constexpr int kProbe = 0x10; // MSG_PROBE, which no header for programs has
    std::string nowhere = local;
    std::memset(nowhere.data() + offsetof(sockaddr_in, sin_port), 0, sizeof(in_port_t)); // as in sockaddr_in6
    return sys::call(SYS_sendto, fd, "", 0, kProbe | MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL, nowhere.data(),
                     nowhere.size()) == 0;
}

InetState inet_state(int fd)
{
    InetState out;
    out.type = socket_option(fd, SO_TYPE);
    out.protocol = socket_option(fd, SO_PROTOCOL);
    out.local = address_by(fd, SYS_getsockname);
    out.peer = address_by(fd, SYS_getpeername);
    out.state = out.peer.empty() ? kClosed : static_cast<uint32_t>(TCP_ESTABLISHED);
    pollfd poll{fd, POLLRDHUP | POLLIN, 0};
    sys::check(sys::call(SYS_poll, &poll, 1, 0), "ask whether it receives");
    out.receives_no_more = poll.revents & POLLRDHUP;
    if (is_udp(out)) {
        out.has_error = (poll.revents & (POLLIN | POLLERR)) == (POLLIN | POLLERR);
        int bytes = 0;
        sys::check(sys::try_ioctl(fd, SIOCOUTQ, &bytes), "ask how much it has not sent yet");
        out.held_back = bytes && holds_back(fd, out.local);
    }
    if (!is_tcp(out))
        return out;
    tcp_info info{};
    socklen_t size = sizeof info;
    sys::check(sys::call(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &size), "read TCP_INFO");
    out.state = info.tcpi_state;
    if (out.state != kClosed)
        out.unkept = secret_of(fd);
    if (out.state == TCP_SYN_SENT)
        out.peer = sys::peer_of_new(static_cast<uint32_t>(sys::stat_of(fd, "a socket").st_ino));
    out.has_urgent = is_connection(out) && has_urgent_byte(fd);
    if (out.state == kListens) {
        out.waiting = info.tcpi_unacked;
        out.backlog = info.tcpi_sacked;
    }
    return out;
}

std::optional<Blocker> inet_blocker(const Facts &facts, const InetState &state, const DumpOptions &options)
{
    if (state.protocol == kMptcp)
        return blocker_of(facts, "multipath TCP is not supported",
                          "let the program use TCP (GODEBUG=multipathtcp=0 for programs in Go)");
    if (!is_tcp(state) && !is_udp(state) && !pings(state) && state.type != SOCK_RAW)
        return blocker_of(facts,
                          cat("sockets of internet protocol ", state.protocol, " are not supported yet"),
                          "close it before the dump");
    if (state.held_back)
        return blocker_of(facts, "it holds a datagram back that is not complete (UDP_CORK, MSG_MORE)",
                          "try again when it was sent");
    if (state.has_error)
        return blocker_of(facts,
                          "an error of an earlier datagram waits in it before others that it has received, "
                          "and would be lost by looking at them",
                          "try again when the program has read it");
    if (!is_tcp(state))
        return std::nullopt;
    if (state.has_urgent && !options.tcp_close)
        return blocker_of(
            facts, "a byte that was sent to it out of band (MSG_OOB) waits in it, which cannot be put back",
            "try again when the program has read it");
    if (state.unkept && !(options.tcp_close && is_connection(state)))
        return blocker_of(facts, cat(state.unkept, ", which cannot be saved"), "end it before the dump");
    if (state.state == kListens && state.waiting && !options.skip_in_flight)
        return blocker_of(facts, cat(state.waiting, " connections are not accepted yet"),
                          "let the program accept them first, or lose them by --skip-in-flight");
    if (state.state == kListens || state.state == kClosed || options.tcp_close)
        return std::nullopt;
    std::string text =
        cat("its TCP connection of ", address_text(state.local),
            tcp_is_open(state.state) ? " to " : " is being made to ", address_text(state.peer));
    if (!tcp_is_open(state.state) && state.state != TCP_SYN_SENT)
        return blocker_of(facts, cat(text, ", which cannot be kept yet"),
                          "try again a little later, or use --tcp-close to get it back closed");
    if (state.state == TCP_SYN_SENT && state.peer.empty())
        return blocker_of(facts, "a TCP connection is being made in it, and the kernel does not tell to whom",
                          "load the module tcp_diag, or use --tcp-close to get it back closed");
    if (!options.tcp_established)
        return blocker_of(facts, state.state == TCP_SYN_SENT ? text : cat(text, " is open"),
                          "use --tcp-established to keep it, or --tcp-close to get it back closed");
    return std::nullopt;
}

const Kind kInetSocket = {
    .name = "internet socket",
    .type = img::INETSK,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = finish,
    .common = common,
    .check = check_inet,
    .open = open_inet,
    .arm = arm_inet,
    .after_tasks = finish_inet,
    .let_go = let_go_inet,
    .kept = "addresses, options, groups, what was not read yet",
};

} // namespace cr::files
