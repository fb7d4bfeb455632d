// Making unix sockets again, see unix_socket.h. `names` are those of the images: a path, or 0 and an abstract
// name.
#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/detached_root.h"
#include "libcr/files/further_options.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/socket_options.h"
#include "libcr/files/socket_queue.h"
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

constexpr uint32_t kConnected = 1, kListens = 10, kExternal = 1, kOfPlugin = 4; // as in unix_socket.cc

using Socket = img::unix_sk_entry;

bool is_path(const Socket &socket) { return !socket.name().empty() && socket.name()[0]; }

std::string path_of(const Socket &socket) { return socket.name().c_str(); }

std::string address_of(const Socket &socket)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket.name().data(), socket.name().size());
    return {reinterpret_cast<char *>(&address), offsetof(sockaddr_un, sun_path) + socket.name().size()};
}

Fd new_socket(const Socket &socket)
{
    return Fd(static_cast<int>(
        sys::check(sys::call(SYS_socket, AF_UNIX, socket.type() | SOCK_CLOEXEC, 0), "make a unix socket")));
}

std::pair<Fd, Fd> new_pair(const Socket &socket)
{
    int ends[2];
    sys::check(sys::call(SYS_socketpair, AF_UNIX, socket.type() | SOCK_CLOEXEC, 0, ends),
               "make a pair of unix sockets");
    return {Fd(ends[0]), Fd(ends[1])};
}

void bind_here(int fd, const Socket &socket)
{
    std::string address = address_of(socket);
    sys::check(sys::call(SYS_bind, fd, address.data(), address.size()), "bind it to its name");
}

void connect_here(int fd, const Socket &to)
{
    std::string address = address_of(to);
    sys::check(sys::call(SYS_connect, fd, address.data(), address.size()), "connect it");
}

// Whether the name has no file that others could find it by.
bool is_detached(const Socket &socket) { return is_path(socket) && socket.deleted(); }

// Runs work where the relative name of a socket leads to it.
void in_its_directory(const Socket &socket, const std::function<void()> &work)
{
    if (!is_path(socket) || socket.name()[0] == '/' || socket.name_dir().empty())
        return work();
    Fd here = sys::open_at(AT_FDCWD, ".", O_PATH | O_DIRECTORY);
    sys::check(sys::call(SYS_chdir, socket.name_dir().c_str()),
               [&] { return cat("go to ", printable(socket.name_dir())); });
    work();
    sys::check(sys::call(SYS_fchdir, here.get()), "go back");
}

// Whether some socket of this machine is bound to that file.
bool is_in_use(const struct stat &st)
{
    uint32_t device = major(st.st_dev) << 20 | minor(st.st_dev); // as the kernel has it
    for (const sys::UnixSocket &other : sys::unix_sockets())
        if (other.file && other.file->first == static_cast<uint32_t>(st.st_ino) &&
            other.file->second == device)
            return true;
    return false;
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
    void bind(const img::file_entry &entry);
    void connect(const img::file_entry &entry);
    void fill(const img::file_entry &entry);
    int sender_to(const img::file_entry &entry) const;
    int sender_of_name(const std::string &source, Fd &made);
    bool names_itself_later(const Socket &socket) const;
    bool is_filled_late(const img::file_entry &entry) const;

    Opener &opener_;
    const Plan &plan_;
    DetachedRoot detached_{[this](int fd) { return opener_.aside(fd); }};
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
        sys::check(sys::call(SYS_listen, listener.get(), 1), "listen");
        if (!client.name().empty())
            bind_here(out.second.get(), client);
        connect_here(out.second.get(), listens);
        out.first = Fd(static_cast<int>(
            sys::check(sys::call(SYS_accept4, listener.get(), 0, 0, SOCK_CLOEXEC), "accept a connection")));
        for (const Socket *socket : {&listens, &client})
            if (is_path(*socket))
                sys::unlink_at(AT_FDCWD, path_of(*socket).c_str());
    };
    if (is_path(listens) || is_path(client))
        detached_.inside(is_path(listens) ? path_of(listens) : path_of(client), [&] {
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
    if (socket.uflags() & kOfPlugin) {
        given_.insert(&entry);
        return open_by_plugin(entry, opener_, plugin::Hook::RestoreUnixSocket);
    }
    const img::file_entry *peer = peer_of(socket);
    bool stream = socket.type() != SOCK_DGRAM;
    bool mutual = peer && peer != &entry && peer->usk().peer() == socket.ino() && plan_.number(*peer) >= 0;
    bool pair = socket.state() == kConnected &&
                (stream ? !peer || mutual : mutual || (!socket.peer() && socket.name().empty()));
    if (!pair)
        return opener_.place(entry, new_socket(socket));
    bool named = stream && (!socket.name().empty() || (peer && !peer->usk().name().empty()));
    Socket nobody;
    nobody.set_type(socket.type());
    std::pair<Fd, Fd> ends;
    if (!named) {
        ends = new_pair(socket);
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

// Connections have their names already.
bool Maker::names_itself_later(const Socket &socket) const
{
    if (socket.name().empty())
        return false;
    const img::file_entry *peer = peer_of(socket);
    bool waits = peer && peer->usk().state() == kListens;
    return socket.type() == SOCK_DGRAM || socket.state() != kConnected || waits;
}

void Maker::bind(const img::file_entry &entry)
{
    const Socket &socket = entry.usk();
    int fd = plan_.number(entry);
    if (!is_path(socket))
        return bind_here(fd, socket);
    std::string path = path_of(socket);
    if (is_detached(socket))
        return detached_.inside(path, [&] {
            sys::unlink_at(AT_FDCWD, path.c_str());
            bind_here(fd, socket);
        });
    in_its_directory(socket, [&] {
        if (auto st = sys::stat_at(AT_FDCWD, path.c_str())) {
            if (!S_ISSOCK(st->st_mode))
                refused(cat("a file that is no socket has its name ", printable(path), " now"),
                        "move it away");
            if (is_in_use(*st))
                refused(cat("another program has a socket at its name ", printable(path), " now"),
                        "end that program first");
            sys::check(sys::unlink_at(AT_FDCWD, path.c_str()),
                       [&] { return cat("remove the old ", printable(path)); });
        }
        bind_here(fd, socket);
        if (!socket.has_file_perms())
            return;
        const img::file_perms_entry &perms = socket.file_perms();
        sys::check(
            sys::call(SYS_fchownat, AT_FDCWD, path.c_str(), perms.uid(), perms.gid(), AT_SYMLINK_NOFOLLOW),
            [&] { return cat("give ", printable(path), " to its owner"); });
        sys::check(sys::call(SYS_fchmodat, AT_FDCWD, path.c_str(), perms.mode() & 07777),
                   [&] { return cat("set the mode of ", printable(path)); });
    });
}

// Datagram sockets that send to one, and streams that nobody has accepted yet.
void Maker::connect(const img::file_entry &entry)
{
    const Socket &socket = entry.usk();
    const img::file_entry *peer = peer_of(socket);
    if (!peer || peer->usk().name().empty())
        return;
    bool waits = peer->usk().state() == kListens;
    bool mutual = peer->usk().peer() == socket.ino();
    if (!waits && (socket.type() != SOCK_DGRAM || mutual))
        return;
    auto work = [&] { connect_here(plan_.number(entry), peer->usk()); };
    if (is_detached(peer->usk()))
        detached_.inside(path_of(peer->usk()), work);
    else
        in_its_directory(peer->usk(), work);
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

void Maker::fill(const img::file_entry &entry)
{
    auto found = plan_.socket_queues().find(entry.id());
    if (found == plan_.socket_queues().end())
        return;
    auto number_of = [this](uint32_t id) { return plan_.number(plan_.carried(id)); };
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
        auto work = [&] { send_packets(sender, part, number_of, address_of(socket)); };
        if (is_detached(socket))
            detached_.inside(path_of(socket), work);
        else
            in_its_directory(socket, work);
    }
}

// The socket that has this name, or, when there is none in the tree, one that is made for it; -1: there is no name,
// or somebody else has it.
int Maker::sender_of_name(const std::string &source, Fd &made)
{
    if (source.size() <= offsetof(sockaddr_un, sun_path) || source.size() > sizeof(sockaddr_un))
        return -1;
    Socket like;
    like.set_type(SOCK_DGRAM);
    like.set_name(source.substr(offsetof(sockaddr_un, sun_path)));
    for (const img::file_entry &entry : plan_.entries())
        if (entry.has_usk() && entry.usk().type() == SOCK_DGRAM && plan_.number(entry) >= 0 &&
            (is_path(like) ? path_of(entry.usk()) == path_of(like) : entry.usk().name() == like.name()))
            return plan_.number(entry);
    made = new_socket(like);
    std::string address = address_of(like);
    if (is_path(like)) {
        detached_.inside(path_of(like), [&] {
            sys::unlink_at(AT_FDCWD, path_of(like).c_str());
            bind_here(made.get(), like);
        });
    } else if (sys::call(SYS_bind, made.get(), address.data(), address.size()) < 0) {
        made.reset();
    }
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

void Maker::arm_all()
{
    each([this](const img::file_entry &entry) {
        if (names_itself_later(entry.usk()))
            bind(entry);
        if (entry.usk().state() == kListens)
            sys::check(sys::call(SYS_listen, plan_.number(entry), entry.usk().backlog()), "listen");
    });
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
}

} // namespace

void check_unix(const img::file_entry &entry, const Plan &)
{
    if (!entry.has_usk())
        bad_image("a unix socket without its part");
    const Socket &socket = entry.usk();
    if (socket.type() != SOCK_STREAM && socket.type() != SOCK_DGRAM && socket.type() != SOCK_SEQPACKET)
        bad_image(cat("unix socket ", socket.ino(), " is of type ", socket.type()));
    if (socket.name().size() > sizeof sockaddr_un::sun_path)
        bad_image(cat("unix socket ", socket.ino(), " has a name of ", socket.name().size(), " bytes"));
    if (is_path(socket) && path_of(socket).size() + 1 < socket.name().size())
        bad_image(cat("unix socket ", socket.ino(), " has a name with a zero in it"));
    if (socket.backlog() > std::numeric_limits<int32_t>::max())
        bad_image(cat("unix socket ", socket.ino(), " has a backlog of ", socket.backlog()));
}

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
