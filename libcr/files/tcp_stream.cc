#include "libcr/files/tcp_stream.h"

#include "libcr/base/error.h"
#include "libcr/base/insist.h"
#include "libcr/base/text.h"
#include "libcr/files/socket_options.h"
#include "libcr/image/reader.h"
#include "libcr/image/writer.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <ctime>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <vector>

namespace cr::files
{

namespace
{

constexpr int kReceived = 1, kSent = 2; // TCP_RECV_QUEUE, TCP_SEND_QUEUE
constexpr int kWindow = 29;             // TCP_REPAIR_WINDOW
constexpr size_t kSlack = 1 << 20;      // more than a partly acknowledged packet holds
constexpr size_t kChunk = 32 << 10;
constexpr uint32_t kMaxQueue = 1u << 30;
constexpr uint32_t kCodeMss = 2, kCodeWindow = 3, kCodeSack = 4, kCodeTime = 8; // of TCP options

struct Window {
    uint32_t snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup;
};
struct RepairOption {
    uint32_t code, value;
};

template <class T> T get(int fd, int name, const char *what)
{
    T out{};
    socklen_t size = sizeof out;
    sys::check(sys::call(SYS_getsockopt, fd, IPPROTO_TCP, name, &out, &size), what);
    return out;
}

template <class T> void set(int fd, int name, const T &value, const char *what)
{
    sys::check(sys::call(SYS_setsockopt, fd, IPPROTO_TCP, name, &value, sizeof value), what);
}

uint32_t ask(int fd, unsigned long request, const char *what)
{
    int out = 0;
    sys::check(sys::try_ioctl(fd, request, &out), what);
    return static_cast<uint32_t>(out);
}

uint32_t sequence(int fd, int queue)
{
    set(fd, TCP_REPAIR_QUEUE, queue, "choose a queue (TCP_REPAIR_QUEUE)");
    return get<uint32_t>(fd, TCP_QUEUE_SEQ, "read a sequence number (TCP_QUEUE_SEQ)");
}

std::string peek(int fd, int queue, size_t size)
{
    std::string out(size, '\0');
    set(fd, TCP_REPAIR_QUEUE, queue, "choose a queue (TCP_REPAIR_QUEUE)");
    long n = sys::check(
        sys::call(SYS_recvfrom, fd, out.data(), out.size(), MSG_PEEK | MSG_DONTWAIT, nullptr, nullptr),
        "read a queue of the connection");
    out.resize(static_cast<size_t>(n));
    return out;
}

// What the kernel says of both queues.
struct Queues {
    uint8_t state;
    uint32_t received, sent, unsent, received_seq, sent_seq;
    bool operator==(const Queues &) const = default;
};

Queues queues_of(int fd, uint8_t state)
{
    uint32_t fin = tcp_has_sent_fin(state);
    Queues out{};
    out.state = state;
    out.received = ask(fd, SIOCINQ, "ask how much it has received");
    out.sent = ask(fd, SIOCOUTQ, "ask how much is not acknowledged");
    out.unsent = ask(fd, SIOCOUTQNSD, "ask how much is not sent");
    out.sent -= std::min(out.sent, fin);
    out.unsent -= std::min(out.unsent, fin);
    out.received_seq = sequence(fd, kReceived);
    out.sent_seq = sequence(fd, kSent);
    return out;
}

// The two ends of a connection within the tree go on to talk: what was sent is acknowledged late, and what was not sent yet
// is. So the queues are read until nothing has changed meanwhile.
tcp_info read_queues(int fd, TcpStream &out, Queues &queues)
{
    constexpr int kTries = 200;
    constexpr timespec kPause{0, 1'000'000};
    auto look = [&] { return get<tcp_info>(fd, TCP_INFO, "read TCP_INFO"); };
    for (int tries = 0;; tries++) {
        tcp_info info = look();
        queues = queues_of(fd, info.tcpi_state);
        out.received = queues.received ? peek(fd, kReceived, queues.received) : "";
        out.sent = queues.sent ? peek(fd, kSent, queues.sent + kSlack) : "";
        bool whole = out.received.size() == queues.received && out.sent.size() >= queues.sent;
        if (whole && queues_of(fd, look().tcpi_state) == queues)
            return info;
        if (tries == kTries)
            refused(cat("its queues cannot be read whole (", out.received.size(), " of ", queues.received,
                        " bytes received, ", out.sent.size(), " of ", queues.sent, " sent; an urgent byte?)"),
                    "try again a little later");
        sys::call(SYS_nanosleep, &kPause, nullptr);
    }
}

// In repair mode.
void read_in_repair(int fd, TcpStream &out)
{
    Queues queues;
    tcp_info info = read_queues(fd, out, queues);
    img::tcp_stream_entry &entry = out.entry;
    out.state = queues.state;
    out.sent.erase(0, out.sent.size() - queues.sent);
    entry.set_inq_seq(queues.received_seq);
    entry.set_outq_seq(queues.sent_seq);
    entry.set_inq_len(queues.received);
    entry.set_outq_len(queues.sent);
    entry.set_unsq_len(queues.unsent);
    entry.set_opt_mask(info.tcpi_options);
    entry.set_snd_wscale(info.tcpi_snd_wscale);
    entry.set_rcv_wscale(info.tcpi_rcv_wscale);
    entry.set_mss_clamp(get<uint32_t>(fd, TCP_MAXSEG, "read TCP_MAXSEG"));
    if (info.tcpi_options & TCPI_OPT_TIMESTAMPS)
        entry.set_timestamp(get<uint32_t>(fd, TCP_TIMESTAMP, "read TCP_TIMESTAMP"));
    auto window = get<Window>(fd, kWindow, "read TCP_REPAIR_WINDOW");
    entry.set_snd_wl1(window.snd_wl1);
    entry.set_snd_wnd(window.snd_wnd);
    entry.set_max_window(window.max_window);
    entry.set_rcv_wnd(window.rcv_wnd);
    entry.set_rcv_wup(window.rcv_wup);
}

// Without a FIN: of the next byte that will be written, and that is expected.
uint32_t write_sequence(const TcpStream &s) { return s.entry.outq_seq() - tcp_has_sent_fin(s.state); }

bool fits(const TcpStream &from, const TcpStream &to)
{
    uint32_t acknowledged = write_sequence(from) - from.entry.outq_len();
    uint32_t behind = next_received(to) - acknowledged; // numbers wrap around
    return behind <= from.entry.outq_len() - from.entry.unsq_len();
}

// Memory for a packet may be had a moment later.
void put(int fd, const std::string &bytes, size_t begin, size_t end, const char *what)
{
    constexpr int kTries = 10;
    constexpr timespec kPause{0, 1'000'000};
    int failures = 0;
    while (begin < end) {
        long n = sys::call(SYS_sendto, fd, bytes.data() + begin, std::min(kChunk, end - begin),
                           MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
        if (n < 0 && ++failures < kTries) {
            sys::call(SYS_nanosleep, &kPause, nullptr);
            continue;
        }
        begin += static_cast<size_t>(sys::check(n, what));
    }
}

void set_negotiated(int fd, const img::tcp_stream_entry &entry)
{
    std::vector<RepairOption> options{{kCodeMss, entry.mss_clamp()}};
    if (entry.opt_mask() & TCPI_OPT_WSCALE)
        options.push_back({kCodeWindow, entry.snd_wscale() | entry.rcv_wscale() << 16});
    if (entry.opt_mask() & TCPI_OPT_SACK)
        options.push_back({kCodeSack, 0});
    if (entry.opt_mask() & TCPI_OPT_TIMESTAMPS)
        options.push_back({kCodeTime, 0});
    sys::check(sys::call(SYS_setsockopt, fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, options.data(),
                         options.size() * sizeof(RepairOption)),
               "set what was negotiated (TCP_REPAIR_OPTIONS)");
    if (entry.has_timestamp())
        set(fd, TCP_TIMESTAMP, entry.timestamp(), "set TCP_TIMESTAMP");
}

} // namespace

bool tcp_is_open(uint32_t state)
{
    return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT || tcp_has_sent_fin(state);
}

bool tcp_has_sent_fin(uint32_t state)
{
    return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

bool tcp_has_received_fin(uint32_t state)
{
    return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

TcpStream read_stream(int fd, SocketUndo &undo)
{
    int offset = -1;
    socklen_t size = sizeof offset;
    // Before Linux 6.9 there is no such thing for TCP.
    sys::call(SYS_getsockopt, fd, SOL_SOCKET, SO_PEEK_OFF, &offset, &size);
    int reuse = socket_option(fd, SO_REUSEADDR);
    TcpStream out;
    undo.repair_begins(fd, reuse, offset);
    auto end = [&] {
        long r = leave_repair(fd, reuse);
        if (offset >= 0)
            set_peek_offset(fd, offset);
        return r;
    };
    try {
        if (offset >= 0)
            sys::check(set_peek_offset(fd, -1), "look from the beginning (SO_PEEK_OFF)");
        set(fd, TCP_REPAIR, 1, "look into the connection (TCP_REPAIR)");
        read_in_repair(fd, out);
    } catch (...) {
        end();
        undo.repair_ends();
        throw;
    }
    long r = end();
    if (r < 0) // once more: nothing may be left in it
        r = end();
    undo.repair_ends();
    sys::check(r, "let the connection go on (TCP_REPAIR)");
    return out;
}

uint32_t next_received(const TcpStream &s) { return s.entry.inq_seq() - tcp_has_received_fin(s.state); }

bool belong_together(const TcpStream &a, const TcpStream &b) { return fits(a, b) && fits(b, a); }

void write_stream(const image::Dir &images, uint32_t inode, const TcpStream &stream)
{
    image::Writer writer(images, image::Kind::TcpStream, inode);
    writer.put(stream.entry);
    writer.put_raw(stream.received.data(), stream.received.size());
    writer.put_raw(stream.sent.data(), stream.sent.size());
    writer.finish();
}

TcpStream load_stream(const image::Dir &images, uint32_t inode, uint32_t state)
{
    TcpStream out;
    out.state = state;
    image::RecordReader reader(images, image::Kind::TcpStream, inode);
    if (!reader.next(out.entry))
        reader.fail("it is empty");
    const img::tcp_stream_entry &entry = out.entry;
    if (entry.inq_len() > kMaxQueue || entry.outq_len() > kMaxQueue || entry.unsq_len() > entry.outq_len())
        reader.fail(cat("queues of ", entry.inq_len(), " and ", entry.outq_len(), " bytes"));
    if (entry.snd_wscale() > 14 || entry.rcv_wscale() > 14)
        reader.fail(cat("windows scaled by ", entry.snd_wscale(), " and ", entry.rcv_wscale()));
    out.received = reader.payload(entry.inq_len());
    out.sent = reader.payload(entry.outq_len());
    return out;
}

void prepare_stream(int fd, const TcpStream &stream)
{
    set(fd, TCP_REPAIR, 1, "begin to make the connection (TCP_REPAIR)");
    set(fd, TCP_REPAIR_QUEUE, kReceived, "choose a queue (TCP_REPAIR_QUEUE)");
    set(fd, TCP_QUEUE_SEQ, next_received(stream) - stream.entry.inq_len(), "set TCP_QUEUE_SEQ");
    set(fd, TCP_REPAIR_QUEUE, kSent, "choose a queue (TCP_REPAIR_QUEUE)");
    set(fd, TCP_QUEUE_SEQ, write_sequence(stream) - stream.entry.outq_len(), "set TCP_QUEUE_SEQ");
}

void fill_stream(int fd, const TcpStream &stream)
{
    const img::tcp_stream_entry &entry = stream.entry;
    set_negotiated(fd, entry);
    if (!stream.received.empty()) {
        set(fd, TCP_REPAIR_QUEUE, kReceived, "choose a queue (TCP_REPAIR_QUEUE)");
        put(fd, stream.received, 0, stream.received.size(), "fill the queue of received data");
    }
    if (!stream.sent.empty()) {
        widen_send_buffer(fd, stream.sent.size());
        set(fd, TCP_REPAIR_QUEUE, kSent, "choose a queue (TCP_REPAIR_QUEUE)");
        put(fd, stream.sent, 0, entry.outq_len() - entry.unsq_len(), "fill the queue of sent data");
    }
    if (!entry.has_snd_wnd())
        return;
    uint32_t next = next_received(stream);
    auto not_after = [&](uint32_t number) {
        return static_cast<int32_t>(number - next) > 0 ? next : number; // a FIN is counted there
    };
    Window window{not_after(entry.snd_wl1()), entry.snd_wnd(), entry.max_window(), entry.rcv_wnd(),
                  not_after(entry.rcv_wup())};
    set(fd, kWindow, window, "set TCP_REPAIR_WINDOW");
}

void leave_stream_repair(int fd) { set(fd, TCP_REPAIR, 0, "let the connection begin (TCP_REPAIR)"); }

void finish_stream(int fd, const TcpStream &stream)
{
    put(fd, stream.sent, stream.sent.size() - stream.entry.unsq_len(), stream.sent.size(),
        "send what was not sent yet");
    if (tcp_has_sent_fin(stream.state))
        insist([&] { sys::check(sys::call(SYS_shutdown, fd, SHUT_WR), "close the sending side"); });
}

} // namespace cr::files
