// Packet sockets. Most is in one list of the kernel's (sys/packet_diag.h), the rest are options of a copy of the
// descriptor. Rings are made again empty, and begin at their first frame; a mapping of one has the id of its socket's
// entry for a file (mm/classify.cc).
//
// The socket is bound last: until then it receives nothing, so that what the restore sends is not in it.
//
// Image: packet_sock_entry. Not kept: packets that nobody has read (told at dump), the program that spreads packets
// in a fan-out group, and counters.
#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/further_options.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/socket_options.h"
#include "libcr/files/socket_queue.h"
#include "libcr/files/tree.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/packet_diag.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <linux/if_packet.h>
#include <linux/packet_diag.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr int kLevel = SOL_PACKET;
constexpr uint32_t kNoFanout = ~0u;

// packet_mreq of packet(7) with room for every address (MAX_ADDR_LEN), which the kernel takes, too.
struct Membership {
    int interface;
    unsigned short type, size;
    unsigned char address[32];
};

using Entry = img::packet_sock_entry;

bool claims(const Facts &f) { return S_ISSOCK(f.st.st_mode) && f.socket_domain == AF_PACKET; }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

std::optional<Blocker> look(const Facts &facts, int)
{
    try {
        auto all = sys::packet_sockets();
        if (std::any_of(all.begin(), all.end(), [&](auto &s) { return s.inode == facts.st.st_ino; }))
            return std::nullopt;
        return blocker_of(facts,
                          "the kernel does not list this packet socket (it is of another network namespace)");
    } catch (const Error &error) {
        return blocker_of(facts, cat("its state cannot be read: ", error.what()),
                          "load the module packet_diag");
    }
}

void capture(Capture &c)
{
    Fd copy = c.tree.take(c.facts());
    Entry &psk = *c.entry().mutable_psk();
    int type = socket_option(copy.get(), SO_TYPE);
    psk.set_id(c.id());
    psk.set_type(static_cast<uint32_t>(type));
    psk.set_flags(c.flags());
    c.owner(*psk.mutable_fown());
    capture_buffer_sizes(copy.get(), *psk.mutable_opts());
    capture_options(copy.get(), *psk.mutable_opts());
    capture_further_options(copy.get(), {AF_PACKET, type, 0}, c.tree.option_defaults(), *psk.mutable_opts());
    capture_filter(copy.get(), *psk.mutable_opts());
    if (has_something(copy.get()))
        log::warning(Subject::current(), ": packets that nobody has read yet are not kept");
}

void put_ring(const sys::PacketSocket::Ring &from, img::packet_ring &to)
{
    to.set_block_size(from.block_size);
    to.set_block_nr(from.blocks);
    to.set_frame_size(from.frame_size);
    to.set_frame_nr(from.frames);
    to.set_retire_tmo(from.timeout);
    to.set_sizeof_priv(from.private_size);
    to.set_features(from.features);
}

// Empty: there is none.
std::string interface_name(uint32_t index)
{
    char name[IF_NAMESIZE];
    return index && ::if_indextoname(index, name) ? name : "";
}

// By its name, if that is known: numbers are others after a boot, or on another machine.
int interface_number(const std::string &name, uint32_t index)
{
    int here = name.empty() ? static_cast<int>(index) : static_cast<int>(::if_nametoindex(name.c_str()));
    if (index && !here)
        refused(cat("there is no interface ", printable(name), " here"), "make it first");
    return here;
}

void fill(const sys::PacketSocket &from, Entry &psk)
{
    psk.set_protocol(htons(static_cast<uint16_t>(from.protocol))); // as socket(2) takes it
    psk.set_ifindex(from.interface);
    if (std::string name = interface_name(from.interface); !name.empty())
        psk.set_cr_interface(name);
    psk.set_version(from.version);
    psk.set_reserve(from.reserve);
    psk.set_copy_thresh(from.copy_threshold);
    psk.set_timestamp(from.time_stamp);
    psk.set_aux_data(from.flags & PDI_AUXDATA);
    psk.set_orig_dev(from.flags & PDI_ORIGDEV);
    psk.set_vnet_hdr(from.flags & PDI_VNETHDR);
    psk.set_loss(from.flags & PDI_LOSS);
    for (const auto &group : from.memberships)
        for (uint32_t i = 0; i < group.count; i++) {
            img::packet_mclist &out = *psk.add_mclist();
            out.set_index(group.interface);
            out.set_type(group.type);
            out.set_addr(group.address);
            if (std::string name = interface_name(group.interface); !name.empty())
                out.set_cr_interface(name);
        }
    if (from.fanout) {
        psk.set_fanout(*from.fanout & 0xffff);
        psk.set_cr_fanout_args(*from.fanout >> 16);
    }
    if (from.receives)
        put_ring(*from.receives, *psk.mutable_rx_ring());
    if (from.sends)
        put_ring(*from.sends, *psk.mutable_tx_ring());
}

void finish(Tree &tree)
{
    std::optional<std::vector<sys::PacketSocket>> all;
    for (Description &description : tree.descriptions()) {
        if (description.kind != &kPacketSocket)
            continue;
        auto what = [&] { return description.facts.subject(); };
        Subject subject(what);
        if (!all)
            all = sys::packet_sockets();
        auto found = std::find_if(all->begin(), all->end(),
                                  [&](auto &s) { return s.inode == description.facts.st.st_ino; });
        if (found == all->end())
            refused("the kernel does not list this packet socket (it is of another network namespace)");
        fill(*found, *description.entry.mutable_psk());
    }
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.psk().flags(), &entry.psk().fown()};
}

void check(const img::file_entry &entry, const Plan &)
{
    if (!entry.has_psk())
        bad_image("a packet socket without its part");
    const Entry &psk = entry.psk();
    if (psk.type() != SOCK_RAW && psk.type() != SOCK_DGRAM && psk.type() != SOCK_PACKET)
        bad_image(cat("a packet socket of type ", psk.type()));
    for (const img::packet_mclist &group : psk.mclist())
        if (group.addr().size() > sizeof Membership::address)
            bad_image(cat("a packet socket with an address of ", group.addr().size(), " bytes"));
}

void set(int fd, int name, const void *value, size_t size, const char *text)
{
    sys::check(sys::call(SYS_setsockopt, fd, kLevel, name, value, size), [&] { return cat("set ", text); });
}

void set(int fd, int name, uint32_t value, const char *text)
{
    if (value)
        set(fd, name, &value, sizeof value, text);
}

void set_ring(int fd, int name, const img::packet_ring &ring, uint32_t version, const char *text)
{
    tpacket_req3 request{};
    request.tp_block_size = ring.block_size();
    request.tp_block_nr = ring.block_nr();
    request.tp_frame_size = ring.frame_size();
    request.tp_frame_nr = ring.frame_nr();
    request.tp_retire_blk_tov = ring.retire_tmo();
    request.tp_sizeof_priv = ring.sizeof_priv();
    request.tp_feature_req_word = ring.features();
    set(fd, name, &request, version == TPACKET_V3 ? sizeof(tpacket_req3) : sizeof(tpacket_req), text);
}

void apply(int fd, const Entry &psk)
{
    set(fd, PACKET_VERSION, psk.version(), "PACKET_VERSION");
    set(fd, PACKET_RESERVE, psk.reserve(), "PACKET_RESERVE");
    set(fd, PACKET_AUXDATA, psk.aux_data(), "PACKET_AUXDATA");
    set(fd, PACKET_ORIGDEV, psk.orig_dev(), "PACKET_ORIGDEV");
    set(fd, PACKET_VNET_HDR, psk.vnet_hdr(), "PACKET_VNET_HDR");
    set(fd, PACKET_LOSS, psk.loss(), "PACKET_LOSS");
    set(fd, PACKET_TIMESTAMP, psk.timestamp(), "PACKET_TIMESTAMP");
    set(fd, PACKET_COPY_THRESH, psk.copy_thresh(), "PACKET_COPY_THRESH");
    for (const img::packet_mclist &group : psk.mclist()) {
        Membership request{interface_number(group.cr_interface(), group.index()),
                           static_cast<unsigned short>(group.type()),
                           static_cast<unsigned short>(group.addr().size()),
                           {}};
        std::memcpy(request.address, group.addr().data(), group.addr().size());
        set(fd, PACKET_ADD_MEMBERSHIP, &request, sizeof request, "PACKET_ADD_MEMBERSHIP");
    }
    if (psk.has_rx_ring())
        set_ring(fd, PACKET_RX_RING, psk.rx_ring(), psk.version(), "PACKET_RX_RING");
    if (psk.has_tx_ring())
        set_ring(fd, PACKET_TX_RING, psk.tx_ring(), psk.version(), "PACKET_TX_RING");
}

// The protocol of the image is that of the network.
void open(const img::file_entry &entry, Opener &opener)
{
    const Entry &psk = entry.psk();
    Fd fd(static_cast<int>(sys::check(sys::call(SYS_socket, AF_PACKET, psk.type() | SOCK_CLOEXEC, 0),
                                      "make a packet socket")));
    apply_options(fd.get(), psk.opts());
    apply_further_options(fd.get(), psk.opts());
    apply(fd.get(), psk);
    apply_filter(fd.get(), psk.opts());
    apply_further_options(fd.get(), psk.opts(), true);
    opener.place(entry, std::move(fd));
}

void bind(int fd, const Entry &psk)
{
    if (psk.type() == SOCK_PACKET) {
        sockaddr address{};
        address.sa_family = AF_PACKET;
        std::memcpy(address.sa_data, psk.cr_interface().data(),
                    std::min(psk.cr_interface().size(), sizeof address.sa_data - 1));
        if (!psk.cr_interface().empty())
            sys::check(sys::call(SYS_bind, fd, &address, sizeof address), "bind a packet socket");
        return;
    }
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = static_cast<uint16_t>(psk.protocol());
    address.sll_ifindex = interface_number(psk.cr_interface(), psk.ifindex());
    if (address.sll_protocol || address.sll_ifindex)
        sys::check(sys::call(SYS_bind, fd, &address, sizeof address), "bind a packet socket");
}

void after_tasks(const img::file_entry &entry, Opener &opener)
{
    const Entry &psk = entry.psk();
    int fd = opener.plan.number(entry);
    bind(fd, psk);
    if (psk.has_fanout() && psk.fanout() != kNoFanout) {
        uint32_t value = psk.has_cr_fanout_args() ? psk.cr_fanout_args() << 16 | (psk.fanout() & 0xffff) : psk.fanout();
        set(fd, PACKET_FANOUT, &value, sizeof value, "PACKET_FANOUT");
    }
}

} // namespace

const Kind kPacketSocket = {
    .name = "packet socket",
    .type = img::PACKETSK,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = finish,
    .common = common,
    .check = check,
    .open = open,
    .after_tasks = after_tasks,
    .look = look,
    .kept = "protocol, interface, options, groups, rings without their packets",
};

} // namespace cr::files
