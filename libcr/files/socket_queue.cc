#include "libcr/files/socket_queue.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/files/socket_options.h"
#include "libcr/image/reader.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"
#include "sk-packet.pb.h"

#include <climits>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <utility>

namespace cr::files
{

namespace
{

constexpr size_t kUsual = 64 << 10;   // of a packet; larger ones are looked at twice
constexpr size_t kMostCarried = 253;  // by one message (SCM_MAX_FD)
constexpr int kPidFd = 4;             // SCM_PIDFD, Linux 6.5

template <class T> T data_of(const cmsghdr *control)
{
    T out{};
    std::memcpy(&out, CMSG_DATA(control), std::min(sizeof out, control->cmsg_len - CMSG_LEN(0)));
    return out;
}

// What the IP header said. GRO joins datagrams of one sender and tells the length of each.
void take_header(const cmsghdr *control, Packet &out, size_t &length_of_each)
{
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr = data_of<in_pktinfo>(control).ipi_addr;
        out.destination.assign(reinterpret_cast<char *>(&address), sizeof address);
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_addr = data_of<in6_pktinfo>(control).ipi6_addr;
        out.destination.assign(reinterpret_cast<char *>(&address), sizeof address);
    } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TTL) {
        out.ttl = data_of<int>(control);
    } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TOS) {
        out.tos = data_of<uint8_t>(control);
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_HOPLIMIT) {
        out.ttl = data_of<int>(control);
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_TCLASS) {
        out.tos = data_of<int>(control);
    } else if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
        length_of_each = static_cast<size_t>(std::max(data_of<int>(control), 0));
    }
}

// Control messages that came along; descriptors among them are ours to close.
void take_control(msghdr &message, Packet &out, size_t &length_of_each)
{
    for (cmsghdr *control = CMSG_FIRSTHDR(&message); control; control = CMSG_NXTHDR(&message, control)) {
        if (control->cmsg_level != SOL_SOCKET) {
            take_header(control, out, length_of_each);
            continue;
        }
        if (control->cmsg_type == SCM_RIGHTS || control->cmsg_type == kPidFd) {
            std::vector<Fd> descriptors;
            for (size_t at = 0; at + sizeof(int) <= control->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(control) + at, sizeof fd);
                descriptors.emplace_back(fd);
            }
            if (control->cmsg_type == SCM_RIGHTS)
                out.carried = std::move(descriptors);
        } else if (control->cmsg_type == SCM_CREDENTIALS) {
            out.sender = data_of<ucred>(control);
        }
    }
    if (message.msg_flags & MSG_CTRUNC)
        failed_with(EMFILE, "take copies of the descriptors that are on their way in it (SCM_RIGHTS)",
                    "raise the limit on open files (ulimit -n)");
}

// The next packet, or bytes of a stream, as much of it as the buffer holds; nothing when there is none.
// `whole` is its size. `length_of_each`: of the datagrams that were joined to this one; 0: it is one.
std::optional<Packet> peek(int fd, std::string &buffer, size_t &whole, size_t &length_of_each)
{
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMostCarried) + 512];
    sockaddr_storage name;
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = sizeof name;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    long n = sys::call(SYS_recvmsg, fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
    if (n == -EAGAIN || n == -EWOULDBLOCK)
        return std::nullopt;
    sys::check(n, "look at what it has received");
    Packet out;
    length_of_each = 0;
    take_control(message, out, length_of_each);
    out.source.assign(reinterpret_cast<char *>(&name), message.msg_namelen);
    whole = static_cast<size_t>(n);
    out.bytes.assign(buffer.data(), std::min(whole, buffer.size()));
    return out;
}

// Sets the offset for as long as it lives.
class PeekOffset
{
  public:
    PeekOffset(int fd, SocketUndo &undo) : fd_(fd), was_(socket_option(fd, SO_PEEK_OFF)), undo_(undo)
    {
        undo_.peek_begins(fd_, was_);
        set(0);
    }
    ~PeekOffset()
    {
        set(was_);
        undo_.peek_ends();
    }
    PeekOffset(const PeekOffset &) = delete;
    void set(int value) const
    {
        set_peek_offset(fd_, value);
    }

  private:
    int fd_, was_;
    SocketUndo &undo_;
};

// What is seen of a stream at once ends behind the part that descriptors came with; what is before that part
// becomes a packet of its own. The kernel copies part by part and stops at one that it cannot copy: so a look with
// memory for all but the last byte shows what is before.
void divide(int fd, const PeekOffset &offset, size_t at, std::string &buffer, Packet whole,
            std::vector<Packet> &out)
{
    size_t size = whole.bytes.size(), before = 0;
    if (size > 1) {
        offset.set(static_cast<int>(at));
        iovec parts[2] = {{buffer.data(), size - 1}, {reinterpret_cast<void *>(1), 1}}; // nothing is at 1
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = 2;
        long n = sys::call(SYS_recvmsg, fd, &message, MSG_PEEK | MSG_DONTWAIT);
        before = n > 0 && static_cast<size_t>(n) < size ? static_cast<size_t>(n) : 0;
    }
    offset.set(static_cast<int>(at + whole.bytes.size()));
    if (before) {
        Packet &first = out.emplace_back();
        first.bytes = whole.bytes.substr(0, before);
        first.sender = whole.sender;
        whole.bytes.erase(0, before);
    }
    out.push_back(std::move(whole));
}

} // namespace

bool has_something(int fd)
{
    pollfd poll{fd, POLLIN, 0};
    sys::check(sys::call(SYS_poll, &poll, 1, 0), "ask whether there is something to read");
    return poll.revents & POLLIN;
}

std::vector<Packet> read_queue(int fd, int type, std::optional<SocketUndo> &undo)
{
    std::vector<Packet> out;
    if (!has_something(fd))
        return out;
    int bytes = 0;
    sys::check(sys::try_ioctl(fd, FIONREAD, &bytes), "ask how much it has received");
    if (type == SOCK_STREAM && !bytes)
        return out; // its end
    std::string buffer(type == SOCK_STREAM ? static_cast<size_t>(bytes) : kUsual, '\0');
    size_t joined = 0, whole = 0;
    if (type == SOCK_STREAM && socket_option(fd, SO_PEEK_OFF) < 0) { // else a look begins there, and moves it
        auto packet = peek(fd, buffer, whole, joined);
        if (packet && packet->carried.empty() && packet->bytes.size() == static_cast<size_t>(bytes)) {
            out.push_back(std::move(*packet));
            return out;
        }
    }
    if (!undo)
        undo.emplace();
    PeekOffset offset(fd, *undo);
    size_t seen = 0;
    while (auto packet = peek(fd, buffer, whole, joined)) {
        if (whole > buffer.size()) {
            buffer.resize(whole);
            offset.set(static_cast<int>(seen));
            continue;
        }
        // At the end of a connection nothing is read, again and again.
        if (packet->bytes.empty() && packet->carried.empty() && type != SOCK_DGRAM)
            break;
        size_t at = std::exchange(seen, seen + packet->bytes.size());
        for (; joined && packet->bytes.size() > joined; packet->bytes.erase(0, joined)) {
            Packet &one = out.emplace_back();
            one.bytes = packet->bytes.substr(0, joined);
            one.source = packet->source;
            one.destination = packet->destination;
            one.ttl = packet->ttl;
            one.tos = packet->tos;
        }
        if (type == SOCK_STREAM && !packet->carried.empty())
            divide(fd, offset, at, buffer, std::move(*packet), out);
        else
            out.push_back(std::move(*packet));
        if (type == SOCK_STREAM && seen >= static_cast<size_t>(bytes))
            break;
    }
    return out;
}

void put_packet(image::Writer &writer, uint32_t id, const Packet &packet,
                const std::function<uint32_t(int)> &file_of)
{
    img::sk_packet_entry record;
    record.set_id_for(id);
    record.set_length(static_cast<uint32_t>(packet.bytes.size()));
    if (packet.sender) {
        img::scm_entry &scm = *record.add_scm();
        scm.set_type(SCM_CREDENTIALS);
        scm.add_rights(static_cast<uint32_t>(packet.sender->pid));
        scm.add_rights(packet.sender->uid);
        scm.add_rights(packet.sender->gid);
    }
    if (!packet.carried.empty()) {
        img::scm_entry &scm = *record.add_scm();
        scm.set_type(SCM_RIGHTS);
        for (const Fd &carried : packet.carried)
            scm.add_rights(file_of(carried.get()));
    }
    if (!packet.source.empty())
        record.set_cr_source(packet.source);
    if (!packet.destination.empty())
        record.set_cr_destination(packet.destination);
    if (packet.ttl >= 0)
        record.set_cr_ttl(static_cast<uint32_t>(packet.ttl));
    if (packet.tos >= 0)
        record.set_cr_tos(static_cast<uint32_t>(packet.tos));
    if (packet.waiting >= 0)
        record.set_cr_waiting(static_cast<uint32_t>(packet.waiting));
    writer.put(record);
    writer.put_raw(packet.bytes.data(), packet.bytes.size());
}

Queues read_queues(const image::Dir &images)
{
    Queues out;
    auto reader = image::RecordReader::open(images, image::Kind::SkQueues);
    if (!reader)
        return out;
    img::sk_packet_entry record;
    while (reader->next(record)) {
        Packet packet;
        packet.bytes = reader->payload(record.length());
        for (const img::scm_entry &scm : record.scm()) {
            if (scm.type() == SCM_CREDENTIALS && scm.rights_size() == 3)
                packet.sender = ucred{static_cast<pid_t>(scm.rights(0)), scm.rights(1), scm.rights(2)};
            else if (scm.type() == SCM_RIGHTS)
                packet.rights.insert(packet.rights.end(), scm.rights().begin(), scm.rights().end());
            else
                bad_image(cat("a control message of type ", scm.type(), " in socket ", record.id_for()));
        }
        if (record.cr_source().size() > sizeof(sockaddr_storage) ||
            record.cr_destination().size() > sizeof(sockaddr_storage) || record.cr_ttl() > 255 ||
            record.cr_tos() > 255)
            bad_image(cat("the header of what waits in socket ", record.id_for()));
        packet.source = record.cr_source();
        packet.destination = record.cr_destination();
        packet.ttl = record.has_cr_ttl() ? static_cast<int>(record.cr_ttl()) : -1;
        packet.tos = record.has_cr_tos() ? static_cast<int>(record.cr_tos()) : -1;
        if (record.has_cr_waiting())
            packet.waiting = static_cast<int>(std::min<uint32_t>(record.cr_waiting(), INT_MAX));
        if (packet.rights.size() > kMostCarried)
            bad_image(cat(packet.rights.size(), " descriptors in one message in socket ", record.id_for()));
        out[record.id_for()].push_back(std::move(packet));
    }
    return out;
}

namespace
{

// The control messages of a packet, as sendmsg(2) takes them.
struct Control {
    alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * kMostCarried)];
    size_t size = 0;

    void add(int type, const void *data, size_t length)
    {
        auto *header = reinterpret_cast<cmsghdr *>(bytes + size);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = type;
        header->cmsg_len = CMSG_LEN(length);
        std::memcpy(CMSG_DATA(header), data, length);
        size += CMSG_SPACE(length);
    }
};

// Sends bytes of the packet from `from` on, descriptors with the first ones. How many went.
long send_part(int fd, const Packet &packet, size_t from, const std::vector<int> &descriptors, bool with_sender,
               const std::string &address)
{
    Control control;
    if (packet.sender && with_sender)
        control.add(SCM_CREDENTIALS, &*packet.sender, sizeof(ucred));
    if (!descriptors.empty() && !from)
        control.add(SCM_RIGHTS, descriptors.data(), descriptors.size() * sizeof(int));
    iovec part{const_cast<char *>(packet.bytes.data()) + from, packet.bytes.size() - from};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_name = address.empty() ? nullptr : const_cast<char *>(address.data());
    message.msg_namelen = static_cast<socklen_t>(address.size());
    message.msg_control = control.size ? control.bytes : nullptr;
    message.msg_controllen = control.size;
    return sys::call(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace

void send_packets(int fd, std::span<const Packet> packets, const std::function<int(uint32_t)> &number_of,
                  const std::string &address)
{
    uint64_t bytes = 0;
    for (const Packet &packet : packets)
        bytes += packet.bytes.size() + 1024;
    int limit = widen_send_buffer(fd, bytes);
    for (const Packet &packet : packets) {
        std::vector<int> descriptors;
        for (uint32_t id : packet.rights)
            descriptors.push_back(number_of(id));
        for (size_t done = 0;;) {
            long n = send_part(fd, packet, done, descriptors, true, address);
            if (n == -ESRCH && packet.sender) // the sender has ended
                n = send_part(fd, packet, done, descriptors, false, address);
            done += static_cast<size_t>(sys::check(n, [&] {
                return cat("send ", packet.bytes.size() - done, " bytes that were received at the dump");
            }));
            if (done >= packet.bytes.size())
                break;
        }
    }
    set_send_buffer(fd, limit);
}

} // namespace cr::files
