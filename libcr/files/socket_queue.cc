#include "libcr/files/socket_queue.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/files/socket_options.h"
#include "libcr/image/reader.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"
#include "sk-packet.pb.h"

#include <cstring>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

namespace cr::files
{

namespace
{

constexpr size_t kLargest = 4 << 20; // of a packet: more than any buffer holds by default
constexpr uint32_t kCredentials = SCM_CREDENTIALS;

bool has_something(int fd)
{
    pollfd poll{fd, POLLIN, 0};
    sys::check(sys::call(SYS_poll, &poll, 1, 0), "ask whether there is something to read");
    return poll.revents & POLLIN;
}

// Control messages that came along; descriptors among them are ours to close.
void take_control(msghdr &message, Packet &out)
{
    bool descriptors = message.msg_flags & MSG_CTRUNC;
    for (cmsghdr *control = CMSG_FIRSTHDR(&message); control; control = CMSG_NXTHDR(&message, control)) {
        if (control->cmsg_level != SOL_SOCKET)
            continue;
        if (control->cmsg_type == SCM_RIGHTS) {
            descriptors = true;
            for (size_t at = 0; at + sizeof(int) <= control->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(control) + at, sizeof fd);
                Fd ours(fd);
            }
        } else if (control->cmsg_type == SCM_CREDENTIALS) {
            ucred sender;
            std::memcpy(&sender, CMSG_DATA(control), sizeof sender);
            out.sender = sender;
        }
    }
    if (descriptors)
        refused("descriptors are on their way in it (SCM_RIGHTS), which is not supported yet",
                "try again when they were received");
}

// The next packet; nothing when there is none.
std::optional<Packet> peek(int fd, std::string &buffer)
{
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 253) + CMSG_SPACE(sizeof(ucred))];
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    long n = sys::call(SYS_recvmsg, fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
    if (n == -EAGAIN || n == -EWOULDBLOCK)
        return std::nullopt;
    sys::check(n, "look at what it has received");
    Packet out;
    take_control(message, out);
    if (static_cast<size_t>(n) > buffer.size())
        refused(cat("a packet of ", n, " bytes waits in it"), "try again when it was received");
    out.bytes.assign(buffer.data(), static_cast<size_t>(n));
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

  private:
    void set(int value) const
    {
        sys::call(SYS_setsockopt, fd_, SOL_SOCKET, SO_PEEK_OFF, &value, sizeof value);
    }
    int fd_, was_;
    SocketUndo &undo_;
};

} // namespace

std::vector<Packet> read_queue(int fd, int type, std::optional<SocketUndo> &undo)
{
    std::vector<Packet> out;
    if (!has_something(fd))
        return out;
    int bytes = 0;
    sys::check(sys::try_ioctl(fd, FIONREAD, &bytes), "ask how much it has received");
    if (type == SOCK_STREAM && !bytes)
        return out; // its end
    std::string buffer(type == SOCK_STREAM ? static_cast<size_t>(bytes) : kLargest, '\0');
    if (type == SOCK_STREAM) {
        auto packet = peek(fd, buffer);
        if (packet && packet->bytes.size() == static_cast<size_t>(bytes)) {
            out.push_back(std::move(*packet));
            return out;
        }
    }
    if (!undo)
        undo.emplace();
    PeekOffset offset(fd, *undo);
    size_t seen = 0;
    while (auto packet = peek(fd, buffer)) {
        // At the end of a connection nothing is read, again and again.
        if (packet->bytes.empty() && type != SOCK_DGRAM)
            break;
        seen += packet->bytes.size();
        out.push_back(std::move(*packet));
        if (type == SOCK_STREAM && seen >= static_cast<size_t>(bytes))
            break;
    }
    return out;
}

void put_packet(image::Writer &writer, uint32_t id, const Packet &packet)
{
    img::sk_packet_entry record;
    record.set_id_for(id);
    record.set_length(static_cast<uint32_t>(packet.bytes.size()));
    if (packet.sender) {
        img::scm_entry &scm = *record.add_scm();
        scm.set_type(kCredentials);
        scm.add_rights(static_cast<uint32_t>(packet.sender->pid));
        scm.add_rights(packet.sender->uid);
        scm.add_rights(packet.sender->gid);
    }
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
            if (scm.type() != kCredentials || scm.rights_size() != 3)
                refused(cat("descriptors on their way in socket ", record.id_for(),
                            " (SCM_RIGHTS) are not supported yet"));
            packet.sender = ucred{static_cast<pid_t>(scm.rights(0)), scm.rights(1), scm.rights(2)};
        }
        out[record.id_for()].push_back(std::move(packet));
    }
    return out;
}

void send_packets(int fd, const std::vector<Packet> &packets, const std::string &address)
{
    uint64_t bytes = 0;
    for (const Packet &packet : packets)
        bytes += packet.bytes.size() + 1024;
    int limit = widen_send_buffer(fd, bytes);
    for (const Packet &packet : packets) {
        for (size_t done = 0;;) {
            alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
            iovec part{const_cast<char *>(packet.bytes.data()) + done, packet.bytes.size() - done};
            msghdr message{};
            message.msg_iov = &part;
            message.msg_iovlen = 1;
            if (!address.empty()) {
                message.msg_name = const_cast<char *>(address.data());
                message.msg_namelen = static_cast<socklen_t>(address.size());
            }
            if (packet.sender) {
                message.msg_control = control;
                message.msg_controllen = sizeof control;
                cmsghdr *header = CMSG_FIRSTHDR(&message);
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_CREDENTIALS;
                header->cmsg_len = CMSG_LEN(sizeof(ucred));
                std::memcpy(CMSG_DATA(header), &*packet.sender, sizeof(ucred));
            }
            long n = sys::call(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n == -ESRCH && packet.sender) { // the sender has ended
                message.msg_control = nullptr;
                message.msg_controllen = 0;
                n = sys::call(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
            }
            done += static_cast<size_t>(sys::check(
                n, [&] { return cat("send ", part.iov_len, " bytes that were received at the dump"); }));
            if (done >= packet.bytes.size())
                break;
        }
    }
    set_send_buffer(fd, limit);
}

} // namespace cr::files
