#include "libcr/files/waiting.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <algorithm>
#include <climits>
#include <sys/un.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

constexpr size_t kMost = 1 << 16;      // in a row
constexpr uint32_t kLargest = 4 << 20; // bytes in one buffer
constexpr uint32_t kMostParts = 64;    // pages in one buffer

constexpr const char *kAccept = "let the program accept them first";

// The list was changed as it was read, or is another than we know.
[[noreturn]] void not_understood()
{
    refused("what connections that nobody has accepted yet have received cannot be read", kAccept);
}

} // namespace

// `m` is what the kernel has; numbers that begin with sk_ and skb are addresses of its sockets and buffers.
class WaitingClients::Walk
{
  public:
    explicit Walk(WaitingClients &of) : of_(of), m(*of.memory_) {}
    std::vector<WaitingClient> run(int fd, const std::vector<uint32_t> &clients);

  private:
    std::vector<uint64_t> queue(uint64_t sk, size_t most = kMost) const;
    std::string name(uint64_t sk) const;
    void credentials(uint64_t sk, img::cr_waiting_entry &to) const;
    int32_t number_of(uint64_t pid) const;
    Packet packet(uint64_t skb);
    std::string contents(uint64_t skb);

    WaitingClients &of_;
    const sys::KernelMemory &m;
};

// Not more than `most`.
std::vector<uint64_t> WaitingClients::Walk::queue(uint64_t sk, size_t most) const
{
    std::vector<uint64_t> out;
    uint64_t head = sk + m.offset("sock", "sk_receive_queue");
    for (uint64_t skb = m.get<uint64_t>(head); skb != head && out.size() < most;
         skb = m.get<uint64_t>(skb, "sk_buff", "next")) {
        if (!skb || out.size() == kMost)
            not_understood();
        out.push_back(skb);
    }
    return out;
}

std::vector<WaitingClient> WaitingClients::Walk::run(int fd, const std::vector<uint32_t> &clients)
{
    uint64_t socket = m.get<uint64_t>(m.file(fd), "file", "private_data");
    std::vector<WaitingClient> out;
    for (uint64_t skb : queue(m.get<uint64_t>(socket, "socket", "sk"), clients.size())) {
        uint64_t embryo = m.get<uint64_t>(skb, "sk_buff", "sk");
        uint64_t client = embryo ? m.get<uint64_t>(embryo, "unix_sock", "peer") : 0;
        if (!client)
            not_understood();
        WaitingClient &one = out.emplace_back();
        uint64_t its = m.get<uint64_t>(client, "sock", "sk_socket");
        one.entry.set_client(
            its ? static_cast<uint32_t>(m.get<uint64_t>(its, "socket_alloc", "vfs_inode.i_ino")) : 0);
        if (one.entry.client() != clients[out.size() - 1])
            not_understood(); // others share the socket, and accept
        if (!its)
            one.entry.set_name(name(client));
        credentials(embryo, one.entry);
        if (m.has("unix_sock", "oob_skb") && m.get<uint64_t>(embryo, "unix_sock", "oob_skb"))
            refused("a client whose connection nobody has accepted yet has sent a byte out of band (MSG_OOB)",
                    kAccept);
        for (uint64_t received : queue(embryo))
            one.packets.push_back(packet(received));
    }
    if (out.size() != clients.size())
        not_understood();
    return out;
}

// As unix_sk_entry has it.
std::string WaitingClients::Walk::name(uint64_t sk) const
{
    uint64_t address = m.get<uint64_t>(sk, "unix_sock", "addr");
    if (!address)
        return {};
    auto size = m.get<uint32_t>(address, "unix_address", "len");
    if (size < offsetof(sockaddr_un, sun_path) || size > sizeof(sockaddr_un) + 1)
        not_understood();
    std::string out(size - offsetof(sockaddr_un, sun_path), '\0');
    m.read(address + m.offset("unix_address", "name") + offsetof(sockaddr_un, sun_path), out.data(),
           out.size());
    return out;
}

// A struct pid has a number for each namespace that it is in; 0: it is not in ours.
int32_t WaitingClients::Walk::number_of(uint64_t pid) const
{
    if (!pid)
        return 0;
    uint64_t task = m.threads(::getpid()).at(0).task;
    struct Number {
        int32_t number, unused;
        uint64_t ns;
    };
    auto at_depth = [&](uint64_t of, uint32_t depth) {
        return m.get<Number>(of + m.offset("pid", "numbers") + depth * sizeof(Number));
    };
    uint64_t ours = m.get<uint64_t>(task, "task_struct", "thread_pid");
    auto depth = m.get<uint32_t>(ours, "pid", "level");
    if (m.get<uint32_t>(pid, "pid", "level") < depth)
        return 0;
    Number number = at_depth(pid, depth);
    return number.ns == at_depth(ours, depth).ns ? number.number : 0;
}

void WaitingClients::Walk::credentials(uint64_t sk, img::cr_waiting_entry &to) const
{
    uint64_t cred = m.get<uint64_t>(sk, "sock", "sk_peer_cred");
    if (!cred)
        return;
    img::cr_credentials &out = *to.mutable_credentials();
    out.set_pid(number_of(m.get<uint64_t>(sk, "sock", "sk_peer_pid")));
    out.set_uid(m.get<uint32_t>(cred, "cred", "euid"));
    out.set_gid(m.get<uint32_t>(cred, "cred", "egid"));
    uint64_t groups = m.get<uint64_t>(cred, "cred", "group_info");
    auto count = m.get<uint32_t>(groups, "group_info", "ngroups");
    if (count > NGROUPS_MAX)
        not_understood();
    out.mutable_groups()->Resize(static_cast<int>(count), 0);
    m.read(groups + m.offset("group_info", "gid"), out.mutable_groups()->mutable_data(),
           count * sizeof(uint32_t));
}

Packet WaitingClients::Walk::packet(uint64_t skb)
{
    Packet out;
    uint64_t about = skb + m.offset("sk_buff", "cb");
    if (m.get<uint64_t>(about, "unix_skb_parms", "fp"))
        refused("a client whose connection nobody has accepted yet has sent descriptors in it (SCM_RIGHTS)",
                kAccept);
    if (uint64_t pid = m.get<uint64_t>(about, "unix_skb_parms", "pid"))
        out.sender = ucred{number_of(pid), m.get<uint32_t>(about, "unix_skb_parms", "uid"),
                           m.get<uint32_t>(about, "unix_skb_parms", "gid")};
    out.bytes = contents(skb);
    return out;
}

// The first part follows the buffer's own head, others are in pages.
std::string WaitingClients::Walk::contents(uint64_t skb)
{
    auto size = m.get<uint32_t>(skb, "sk_buff", "len"),
         in_pages = m.get<uint32_t>(skb, "sk_buff", "data_len");
    if (size > kLargest || in_pages > size)
        not_understood();
    std::string out(size, '\0');
    size_t at = size - in_pages;
    m.read(m.get<uint64_t>(skb, "sk_buff", "data"), out.data(), at);
    if (!in_pages)
        return out;
    if (!of_.pages_)
        of_.pages_.emplace(m);
    struct Part {
        uint64_t page;
        uint32_t size, offset;
    };
    uint64_t shared = m.get<uint64_t>(skb, "sk_buff", "head") + m.get<uint32_t>(skb, "sk_buff", "end");
    uint64_t parts = shared + m.offset("skb_shared_info", "frags");
    auto count = m.get<uint8_t>(shared, "skb_shared_info", "nr_frags");
    if (count > kMostParts || m.get<uint64_t>(shared, "skb_shared_info", "frag_list"))
        not_understood();
    for (uint32_t i = 0; at < size; i++) {
        auto part = i < count ? m.get<Part>(parts + i * sizeof(Part)) : Part{};
        if (!part.size || part.size > size - at)
            not_understood();
        m.read(of_.pages_->contents(part.page) + part.offset, out.data() + at, part.size);
        at += part.size;
    }
    return out;
}

bool WaitingClients::can_read()
{
    if (!tried_)
        if (auto made = sys::KernelMemory::make())
            memory_.emplace(std::move(*made));
    tried_ = true;
    return memory_.has_value();
}

std::vector<WaitingClient> WaitingClients::read(const UnixSockets &sockets, const sys::UnixSocket &listener,
                                                int fd)
{
    if (can_read())
        return Walk(*this).run(fd, listener.waiting);
    std::vector<WaitingClient> out;
    for (uint32_t client : listener.waiting) {
        out.emplace_back().entry.set_client(client);
        const sys::UnixSocket *its = sockets.find(client);
        if (!its || its->unsent)
            refused("a client whose connection nobody has accepted yet has sent something or closed it, "
                    "which takes "
                    "CAP_BPF, CAP_PERFMON and the kernel's type information to read",
                    kAccept);
    }
    return out;
}

std::optional<Blocker> WaitingClients::blocker(const Facts &facts, const UnixSockets &sockets, int fd)
{
    const sys::UnixSocket *listener = sockets.find(static_cast<uint32_t>(facts.st.st_ino));
    if (!listener || listener->waiting.empty())
        return std::nullopt;
    try {
        read(sockets, *listener, fd);
        return std::nullopt;
    } catch (const Error &error) {
        if (error.kind() == Error::Kind::Refused)
            return blocker_of(facts, error.attempted(), error.remedy());
        return blocker_of(facts,
                          cat("what connections that nobody has accepted yet have received cannot be read: cannot ",
                              error.attempted(), ": ", errno_text(error.err())),
                          error.remedy().empty() ? kAccept : error.remedy());
    }
}

} // namespace cr::files
