// Making unix sockets again, see unix_socket.h. `names` are those of the images: a path, or 0 and an abstract
// name.
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
#include "libcr/files/stand_in.h"
#include "libcr/files/unix_names.h"
#include "libcr/files/unix_socket.h"
#include "libcr/plugin/plugins.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

namespace cr::files
{

namespace
{

using Socket = img::unix_sk_entry;

bool is_outside(const img::file_entry &entry) { return entry.usk().uflags() & kUnixOutside; }

Fd new_socket(const Socket &socket)
{
    return Fd(static_cast<int>(
        sys::check(sys::call(SYS_socket, AF_UNIX, socket.type() | SOCK_CLOEXEC, 0), "make a unix socket")));
}

// Who is seen at the other end; null where that is not known (images of CRIU).
const img::cr_credentials *credentials(const Socket &socket)
{
    return socket.has_cr_peer_credentials() ? &socket.cr_peer_credentials() : nullptr;
}

// All of a restore's; made once in the opener.
class Maker
{
  public:
    explicit Maker(Opener &opener) : opener_(opener), plan_(opener.plan) {}

    void open(const img::file_entry &entry);
    void arm_all();
    void finish_all();

  private:
    void each(const std::function<void(const img::file_entry &)> &work) const;
    const img::file_entry *peer_of(const Socket &socket) const;
    std::pair<Fd, Fd> connected(const Socket &listens, const Socket &client);
    void at_address(const img::file_entry &entry, const std::function<void(const std::string &)> &work);
    void take_waiting(const img::file_entry &listener);
    void take_waiting_at_given(const img::file_entry &listener);
    Fd closed_client(const Socket &listener, const img::cr_waiting_entry &waiting);
    void connect(const img::file_entry &entry);
    void listen(const img::file_entry &entry, int waiting);
    void fill(const img::file_entry &entry);
    int sender_to(const img::file_entry &entry) const;
    int sender_of_name(const std::string &source, Fd &made);
    bool names_itself_later(const Socket &socket) const;
    bool is_filled_late(const img::file_entry &entry) const;

    Opener &opener_;
    const Plan &plan_;
    UnixNames names_{[this](int fd) { return opener_.aside(fd); }};
    StandIns stand_ins_{[this](int fd) { return opener_.aside(fd); }};
    struct Client {
        int fd = -1;
        Fd made;
    };
    std::map<std::pair<uint32_t, int>, Client> clients_; // that wait to be accepted, by listener and place
    std::map<const img::file_entry *, Fd> kept_; // the other ends of those that have none any more
    std::set<const img::file_entry *> given_;    // by the caller
};

void Maker::each(const std::function<void(const img::file_entry &)> &work) const
{
    for (const img::file_entry &entry : plan_.entries()) {
        if (entry.type() != img::UNIXSK || plan_.number(entry) < 0 || given_.count(&entry))
            continue;
        auto what = [&] { return cat("file ", entry.id(), " (", describe(entry), ")"); };
        Subject subject(what);
        work(entry);
    }
}

const img::file_entry *Maker::peer_of(const Socket &socket) const
{
    return socket.peer() ? plan_.unix_socket(socket.peer()) : nullptr;
}

// A connection whose one end has the name of the socket that listened for it.
std::pair<Fd, Fd> Maker::connected(const Socket &listens, const Socket &client)
{
    std::pair<Fd, Fd> out;
    out.second = new_socket(client);
    auto make = [&] {
        Fd listener = new_socket(listens);
        bind_here(listener.get(), listens);
        stand_ins_.listen(credentials(client), listener.get(), 1);
        if (!client.name().empty())
            bind_here(out.second.get(), client);
        stand_ins_.connect(credentials(listens), out.second.get(), address_of(listens));
        out.first = Fd(static_cast<int>(
            sys::check(sys::call(SYS_accept4, listener.get(), 0, 0, SOCK_CLOEXEC), "accept a connection")));
        for (const Socket *socket : {&listens, &client})
            if (is_path(*socket))
                sys::unlink_at(AT_FDCWD, path_of(*socket).c_str());
    };
    if (is_path(listens) || is_path(client))
        names_.apart(is_path(listens) ? listens : client, [&] {
            if (is_path(client) && path_of(client).find('/', 1) != std::string::npos)
                refused("both ends of a connection have names in directories: not supported yet");
            make();
        });
    else
        make();
    return out;
}

void Maker::open(const img::file_entry &entry)
{
    const Socket &socket = entry.usk();
    if (opener_.is_made(entry))
        return;
    if (Fd given = plan_.inherit_as_is(cat("socket:[", socket.ino(), "]"))) {
        given_.insert(&entry);
        return opener_.place(entry, std::move(given));
    }
    if (socket.uflags() & kUnixOfPlugin) {
        given_.insert(&entry);
        return open_by_plugin(entry, opener_, plugin::Hook::RestoreUnixSocket);
    }
    const img::file_entry *peer = peer_of(socket);
    bool stream = socket.type() != SOCK_DGRAM;
    bool mutual = peer && peer != &entry && peer->usk().peer() == socket.ino() && plan_.number(*peer) >= 0;
    bool pair = socket.state() == kUnixConnected &&
                (stream ? !peer || mutual : mutual || (!socket.peer() && socket.name().empty()));
    if (!pair)
        return opener_.place(entry, new_socket(socket));
    bool named = stream && (!socket.name().empty() || (peer && !peer->usk().name().empty()));
    Socket nobody;
    nobody.set_type(socket.type());
    std::pair<Fd, Fd> ends;
    if (!named) {
        ends = stand_ins_.pair(credentials(socket), static_cast<int>(socket.type()));
    } else if (!socket.name().empty()) {
        ends = connected(socket, peer ? peer->usk() : nobody);
    } else {
        ends = connected(peer->usk(), socket);
        std::swap(ends.first, ends.second);
    }
    Fd other = opener_.aside(ends.second.get());
    ends.second.reset();
    opener_.place(entry, std::move(ends.first));
    if (peer)
        opener_.place(*peer, std::move(other));
    else
        kept_[&entry] = std::move(other); // for what it has sent
}

// Connections have their names already, but those that are made again, to the outside.
bool Maker::names_itself_later(const Socket &socket) const
{
    if (socket.name().empty())
        return false;
    const img::file_entry *peer = peer_of(socket);
    bool waits = peer && (peer->usk().state() == kUnixListens || is_outside(*peer));
    return socket.type() == SOCK_DGRAM || socket.state() != kUnixConnected || waits;
}

// Datagram sockets that send to one, streams that nobody has accepted yet, and those to the outside.
void Maker::connect(const img::file_entry &entry)
{
    const Socket &socket = entry.usk();
    const img::file_entry *peer = peer_of(socket);
    if (!peer || peer->usk().name().empty())
        return;
    bool waits = peer->usk().state() == kUnixListens;
    bool mutual = peer->usk().peer() == socket.ino();
    if (!waits && !is_outside(*peer) && (socket.type() != SOCK_DGRAM || mutual))
        return;
    if (waits && peer->usk().cr_waiting_size())
        return; // see take_waiting()
    auto join = [&](const std::string &address) { stand_ins_.connect(nullptr, plan_.number(entry), address); };
    at_address(*peer, join);
}

// Runs `work` where that address leads to the socket of this entry; one that the caller gave has a name of its own.
void Maker::at_address(const img::file_entry &entry, const std::function<void(const std::string &)> &work)
{
    if (!given_.count(&entry))
        return names_.where_it_is(entry.usk(), [&] { work(address_of(entry.usk())); });
    std::string address(sizeof(sockaddr_storage), '\0');
    auto size = static_cast<socklen_t>(address.size());
    sys::check(sys::call(SYS_getsockname, plan_.number(entry), address.data(), &size),
               "ask for the name of the socket that was given");
    address.resize(std::min<size_t>(size, sizeof(sockaddr_un)));
    work(address);
}

// Who can send to it: its peer, the end that was kept, or -1 for a socket made for that.
int Maker::sender_to(const img::file_entry &entry) const
{
    if (auto kept = kept_.find(&entry); kept != kept_.end())
        return kept->second.get();
    const img::file_entry *peer = peer_of(entry.usk());
    bool mutual = peer && peer->usk().peer() == entry.usk().ino() && plan_.number(*peer) >= 0;
    return mutual ? plan_.number(*peer) : -1;
}

// In the order in which they will be accepted.
void Maker::take_waiting(const img::file_entry &listener)
{
    const Socket &socket = listener.usk();
    for (int i = 0; i < socket.cr_waiting_size(); i++) {
        const img::cr_waiting_entry &waiting = socket.cr_waiting(i);
        if (waiting.client() && given_.count(plan_.unix_socket(waiting.client())))
            continue;
        Client &client = clients_[{listener.id(), i}];
        if (waiting.client())
            client.fd = plan_.number(*plan_.unix_socket(waiting.client()));
        else
            client.fd = (client.made = closed_client(socket, waiting)).get();
        at_address(listener, [&](const std::string &address) {
            stand_ins_.connect(waiting.has_credentials() ? &waiting.credentials() : nullptr, client.fd, address);
        });
    }
}

// What the caller gave may be anything.
void Maker::take_waiting_at_given(const img::file_entry &listener)
{
    if (!listener.usk().cr_waiting_size())
        return;
    auto what = [&] { return cat("file ", listener.id(), " (", describe(listener), ")"); };
    Subject subject(what);
    try {
        take_waiting(listener);
        fill(listener);
    } catch (const Error &error) {
        log::warning(error.what(), ": connections that nobody had accepted yet are lost");
    }
}

// One that is closed as soon as it has sent what it had.
Fd Maker::closed_client(const Socket &listener, const img::cr_waiting_entry &waiting)
{
    Socket like;
    like.set_type(listener.type());
    like.set_name(waiting.name());
    Fd made = new_socket(like);
    if (!like.name().empty() && !names_.bind_apart(made.get(), like))
        log::warning(Subject::current(), ": a client that has closed its connection before that was accepted is "
                     "seen without its name: another socket has it now");
    return opener_.aside(made.get());
}

void Maker::fill(const img::file_entry &entry)
{
    auto found = plan_.socket_queues().find(entry.id());
    if (found == plan_.socket_queues().end())
        return;
    auto number_of = [this](uint32_t id) { return plan_.number(plan_.carried(id)); };
    if (entry.usk().state() == kUnixListens) {
        for (const Packet &packet : found->second)
            if (auto client = clients_.find({entry.id(), packet.waiting}); client != clients_.end())
                send_packets(client->second.fd, {&packet, 1}, number_of);
        return;
    }
    if (int sender = sender_to(entry); sender >= 0)
        return send_packets(sender, found->second, number_of);
    const Socket &socket = entry.usk();
    if (socket.type() != SOCK_DGRAM || socket.name().empty())
        refused("it has received something from nobody that is known");
    // One after the other, as they came: those in a row that have one sender at once.
    std::span<const Packet> rest = found->second;
    while (!rest.empty()) {
        auto other = [&](const Packet &p) { return p.source != rest.front().source; };
        auto end = std::find_if(rest.begin(), rest.end(), other);
        auto part = rest.first(static_cast<size_t>(end - rest.begin()));
        rest = rest.subspan(part.size());
        Fd made;
        int sender = sender_of_name(part.front().source, made);
        if (sender < 0)
            sender = (made = new_socket(socket)).get();
        names_.where_it_is(socket, [&] { send_packets(sender, part, number_of, address_of(socket)); });
    }
}

// The socket that has this name, or, when there is none in the tree, one that is made for it; -1: there is no name,
// or somebody else has it.
int Maker::sender_of_name(const std::string &source, Fd &made)
{
    if (source.size() <= offsetof(sockaddr_un, sun_path) || !is_name(source.substr(offsetof(sockaddr_un, sun_path))))
        return -1;
    Socket like;
    like.set_type(SOCK_DGRAM);
    like.set_name(source.substr(offsetof(sockaddr_un, sun_path)));
    for (const img::file_entry &entry : plan_.entries())
        if (entry.has_usk() && entry.usk().type() == SOCK_DGRAM && plan_.number(entry) >= 0 &&
            (is_path(like) ? path_of(entry.usk()) == path_of(like) : entry.usk().name() == like.name()))
            return plan_.number(entry);
    made = new_socket(like);
    if (!names_.bind_apart(made.get(), like))
        made.reset();
    return made.get();
}

// When all tasks are there: the kernel wants senders to be alive, and descriptors of some kinds are made then.
bool Maker::is_filled_late(const img::file_entry &entry) const
{
    auto found = plan_.socket_queues().find(entry.id());
    return found != plan_.socket_queues().end() &&
           std::any_of(found->second.begin(), found->second.end(),
                       [](const Packet &p) { return p.sender || !p.rights.empty(); });
}

// As many as wait may be more than are let in now: a program can lower that number.
void Maker::listen(const img::file_entry &entry, int waiting)
{
    const Socket &socket = entry.usk();
    if (socket.state() == kUnixListens)
        stand_ins_.listen(credentials(socket), plan_.number(entry),
                          std::max(socket.backlog(), static_cast<uint32_t>(waiting)));
}

void Maker::arm_all()
{
    each([this](const img::file_entry &entry) {
        if (names_itself_later(entry.usk()))
            names_.bind(plan_.number(entry), entry.usk());
        listen(entry, entry.usk().cr_waiting_size());
    });
    each([this](const img::file_entry &entry) {
        take_waiting(entry);
        if (entry.usk().cr_waiting_size())
            listen(entry, 0);
    });
    for (const img::file_entry *entry : given_)
        take_waiting_at_given(*entry);
    stand_ins_.end();
    each([this](const img::file_entry &entry) {
        if (!is_filled_late(entry))
            fill(entry);
    });
}

void Maker::finish_all()
{
    each([this](const img::file_entry &entry) {
        apply_options(plan_.number(entry), entry.usk().opts());
        if (is_filled_late(entry))
            fill(entry);
    });
    each([this](const img::file_entry &entry) { connect(entry); });
    each([this](const img::file_entry &entry) {
        int fd = plan_.number(entry);
        apply_further_options(fd, entry.usk().opts());
        apply_filter(fd, entry.usk().opts());
        apply_further_options(fd, entry.usk().opts(), true);
    });
    each([this](const img::file_entry &entry) {
        if (uint32_t how = entry.usk().shutdown())
            sys::check(sys::call(SYS_shutdown, plan_.number(entry), how - 1), "shut it down");
    });
    kept_.clear();
    clients_.clear();
}

} // namespace

void open_unix(const img::file_entry &entry, Opener &opener) { opener.state<Maker>().open(entry); }

void arm_unix(const img::file_entry &, Opener &opener)
{
    if (opener.first_of("unix sockets", 1))
        opener.state<Maker>().arm_all();
}

void finish_unix(const img::file_entry &, Opener &opener)
{
    if (opener.first_of("unix sockets", 2))
        opener.state<Maker>().finish_all();
}

} // namespace cr::files
