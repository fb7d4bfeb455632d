// Netlink sockets: protocol, port id, groups, where they are connected to, options. All is asked of a copy of the
// descriptor. The port id is chosen by the socket and is free again when the old one is gone.
//
// What waits in one cannot be put back: messages of the kernel come from the port 0, which nobody can send from. So
// a socket with something unread is refused.
//
// Image: netlink_sk_entry; the groups are a set of bits, 32 in each word.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/further_options.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/socket_options.h"
#include "libcr/files/socket_queue.h"
#include "libcr/files/tree.h"
#include "libcr/sys/gate.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr int kLevel = 270;             // SOL_NETLINK
constexpr int kMostWords = 1 << 10;     // of groups
constexpr uint32_t kConnected = 1;      // NETLINK_CONNECTED

using Entry = img::netlink_sk_entry;

bool claims(const Facts &f) { return S_ISSOCK(f.st.st_mode) && f.socket_domain == AF_NETLINK; }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

std::optional<Blocker> look(const Facts &facts, int fd)
{
    if (!has_something(fd))
        return std::nullopt;
    return blocker_of(facts, cat("messages of netlink protocol ", socket_option(fd, SO_PROTOCOL),
                                 " that nobody has read yet wait in it, which cannot be put back"),
                      "try again when the program has read them");
}

sockaddr_nl address_by(int fd, long call)
{
    sockaddr_nl out{};
    socklen_t size = sizeof out;
    sys::check(sys::call(call, fd, &out, &size), "ask for the address of a netlink socket");
    return out;
}

void capture_groups(int fd, Entry &to)
{
    socklen_t size = 0; // of all groups that there are, bytes
    sys::check(sys::call(SYS_getsockopt, fd, kLevel, NETLINK_LIST_MEMBERSHIPS, nullptr, &size),
               "ask for its groups");
    std::vector<uint32_t> words(size / sizeof(uint32_t) + 1);
    size = static_cast<socklen_t>(words.size() * sizeof(uint32_t));
    sys::check(sys::call(SYS_getsockopt, fd, kLevel, NETLINK_LIST_MEMBERSHIPS, words.data(), &size),
               "read its groups");
    while (!words.empty() && !words.back())
        words.pop_back();
    for (uint32_t word : words)
        to.add_groups(word);
}

void capture(Capture &c)
{
    Fd copy = c.tree.take(c.facts());
    if (auto blocker = look(c.facts(), copy.get()))
        refused(blocker->reason, blocker->remedy);
    Entry &nlsk = *c.entry().mutable_nlsk();
    sockaddr_nl own = address_by(copy.get(), SYS_getsockname), peer = address_by(copy.get(), SYS_getpeername);
    int type = socket_option(copy.get(), SO_TYPE), protocol = socket_option(copy.get(), SO_PROTOCOL);
    nlsk.set_id(c.id());
    nlsk.set_ino(static_cast<uint32_t>(c.facts().st.st_ino));
    nlsk.set_protocol(static_cast<uint32_t>(protocol));
    nlsk.set_state(peer.nl_pid || peer.nl_groups ? kConnected : 0);
    nlsk.set_flags(c.flags());
    nlsk.set_portid(own.nl_pid);
    nlsk.set_dst_portid(peer.nl_pid);
    nlsk.set_dst_group(peer.nl_groups);
    nlsk.set_cr_type(static_cast<uint32_t>(type));
    capture_groups(copy.get(), nlsk);
    c.owner(*nlsk.mutable_fown());
    capture_buffer_sizes(copy.get(), *nlsk.mutable_opts());
    capture_options(copy.get(), *nlsk.mutable_opts());
    capture_further_options(copy.get(), {AF_NETLINK, type, protocol}, c.tree.option_defaults(),
                            *nlsk.mutable_opts());
    capture_filter(copy.get(), *nlsk.mutable_opts());
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.nlsk().flags(), &entry.nlsk().fown()};
}

void check(const img::file_entry &entry, const Plan &)
{
    if (!entry.has_nlsk())
        bad_image("a netlink socket without its part");
    const Entry &nlsk = entry.nlsk();
    if (nlsk.protocol() >= MAX_LINKS)
        bad_image(cat("netlink protocol ", nlsk.protocol()));
    if (nlsk.has_cr_type() && nlsk.cr_type() != SOCK_RAW && nlsk.cr_type() != SOCK_DGRAM)
        bad_image(cat("a netlink socket of type ", nlsk.cr_type()));
    if (nlsk.groups_size() > kMostWords)
        bad_image(cat("a netlink socket with ", 32 * nlsk.groups_size(), " groups"));
}

void bind(int fd, const Entry &nlsk)
{
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_pid = nlsk.portid();
    sys::check(sys::call(SYS_bind, fd, &address, sizeof address), [&] {
        return cat("bind a netlink socket of protocol ", nlsk.protocol(), " to port ", nlsk.portid());
    });
}

void join(int fd, const Entry &nlsk)
{
    for (int i = 0; i < nlsk.groups_size(); i++)
        for (int bit = 0; bit < 32; bit++) {
            int group = 32 * i + bit + 1;
            if (nlsk.groups(i) & 1u << bit)
                sys::check(
                    sys::call(SYS_setsockopt, fd, kLevel, NETLINK_ADD_MEMBERSHIP, &group, sizeof group),
                    [&] { return cat("join group ", group, " of netlink protocol ", nlsk.protocol()); });
        }
}

void open(const img::file_entry &entry, Opener &opener)
{
    const Entry &nlsk = entry.nlsk();
    uint32_t type = nlsk.has_cr_type() ? nlsk.cr_type() : static_cast<uint32_t>(SOCK_RAW);
    Fd fd(static_cast<int>(
        sys::check(sys::call(SYS_socket, AF_NETLINK, type | SOCK_CLOEXEC, nlsk.protocol()),
                   [&] { return cat("make a netlink socket of protocol ", nlsk.protocol()); })));
    apply_options(fd.get(), nlsk.opts());
    apply_further_options(fd.get(), nlsk.opts());
    apply_filter(fd.get(), nlsk.opts());
    apply_further_options(fd.get(), nlsk.opts(), true);
    if (nlsk.portid())
        bind(fd.get(), nlsk);
    if (nlsk.state() == kConnected) {
        sockaddr_nl peer{};
        peer.nl_family = AF_NETLINK;
        peer.nl_pid = nlsk.dst_portid();
        peer.nl_groups = nlsk.dst_group();
        sys::check(sys::call(SYS_connect, fd.get(), &peer, sizeof peer), "connect a netlink socket");
    }
    opener.place(entry, std::move(fd));
}

// Last, so that what the restore itself does is not told there.
void after_tasks(const img::file_entry &entry, Opener &opener) { join(opener.plan.number(entry), entry.nlsk()); }

} // namespace

const Kind kNetlinkSocket = {
    .name = "netlink socket",
    .type = img::NETLINKSK,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .common = common,
    .check = check,
    .open = open,
    .after_tasks = after_tasks,
    .look = look,
    .kept = "port, groups, options",
};

} // namespace cr::files
