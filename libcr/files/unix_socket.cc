#include "libcr/files/unix_socket.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/further_options.h"
#include "libcr/files/kinds.h"
#include "libcr/files/plan.h"
#include "libcr/files/socket_options.h"
#include "libcr/files/socket_queue.h"
#include "libcr/files/stand_in.h"
#include "libcr/files/tree.h"
#include "libcr/files/unix_outside.h"
#include "libcr/files/waiting.h"
#include "libcr/plugin/plugins.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <set>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

namespace cr::files
{

namespace
{

uint32_t inode_of(const Facts &facts) { return static_cast<uint32_t>(facts.st.st_ino); }

bool is_stream(const sys::UnixSocket &socket) { return socket.type != SOCK_DGRAM; }

// ---- kind ----

bool claims(const Facts &f) { return S_ISSOCK(f.st.st_mode) && f.socket_domain == AF_UNIX; }

// What needs to know the other sockets is asked later, see unix_blocker().
std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

void capture(Capture &c)
{
    Fd copy = c.tree.take(c.facts());
    img::unix_sk_entry &usk = *c.entry().mutable_usk();
    usk.set_id(c.id());
    usk.set_ino(inode_of(c.facts()));
    usk.set_type(static_cast<uint32_t>(socket_option(copy.get(), SO_TYPE)));
    usk.set_flags(c.flags());
    usk.set_uflags(0);
    c.owner(*usk.mutable_fown());
    SocketSort sort{AF_UNIX, static_cast<int>(usk.type()), 0};
    *usk.mutable_opts() = c.tree.known_options().of<img::sk_opts_entry>(c.facts(), sort, [&](auto &options) {
        capture_options(copy.get(), options);
        capture_further_options(copy.get(), sort, c.tree.option_defaults(), options);
        capture_filter(copy.get(), options);
    });
    capture_buffer_sizes(copy.get(), *usk.mutable_opts());
    if (img::cr_credentials who; capture_peer_credentials(copy.get(), who))
        *usk.mutable_cr_peer_credentials() = std::move(who);
}

// Fills in the entries that capture() began.
class Finisher
{
  public:
    explicit Finisher(Tree &tree) : tree_(tree) {}
    void run();

  private:
    void fill(Description &description);
    void name(const Description &description, const sys::UnixSocket &socket, img::unix_sk_entry &usk);
    bool leads_to(const std::string &path, const sys::UnixSocket &socket, img::unix_sk_entry &usk) const;
    bool has_moved(const std::string &directory, const sys::UnixSocket &socket,
                   img::unix_sk_entry &usk) const;
    void external_peer(const sys::UnixSocket &peer);
    void give_to_plugin(const Description &description, const sys::UnixSocket &socket, img::unix_sk_entry &usk);
    void queue(Description &description);
    void waiting(Description &description);

    Tree &tree_;
    UnixSockets sockets_;
    WaitingClients waiting_;
    std::set<uint32_t> in_tree_, external_;
    std::optional<SocketUndo> undo_;
};

void Finisher::run()
{
    std::vector<Description *> ours;
    for (Description &description : tree_.descriptions())
        if (description.kind == &kUnixSocket) {
            ours.push_back(&description);
            in_tree_.insert(inode_of(description.facts));
        }
    for (Description *description : ours) {
        auto what = [&] { return description->facts.subject(); };
        Subject subject(what);
        auto in_tree = [this](uint32_t inode) { return in_tree_.count(inode) != 0; };
        if (auto blocker = unix_blocker(description->facts, sockets_, in_tree, tree_.options()))
            refused(blocker->reason, blocker->remedy);
        fill(*description);
    }
}

void Finisher::fill(Description &description)
{
    img::unix_sk_entry &usk = *description.entry.mutable_usk();
    const sys::UnixSocket &socket = *sockets_.find(usk.ino());
    usk.set_state(socket.state);
    usk.set_backlog(socket.state == kUnixListens ? socket.unsent : 0);
    usk.set_peer(socket.peer);
    if (const sys::UnixSocket *listener = sockets_.waits_at(usk.ino()))
        usk.set_peer(listener->inode);
    usk.set_name(socket.name);
    const sys::UnixSocket *peer = sockets_.find(socket.peer);
    OutsidePeer outside = socket.peer && !in_tree_.count(socket.peer) ? outside_peer(socket, peer, tree_.options())
                                                                      : OutsidePeer::Given;
    if (outside == OutsidePeer::Refused)
        return give_to_plugin(description, socket, usk);
    if (outside == OutsidePeer::Close)
        usk.set_peer(0);
    if (socket.shutdown)
        usk.set_shutdown(static_cast<img::sk_shutdown>(socket.shutdown & 3));
    if (!socket.name.empty() && socket.name[0])
        name(description, socket, usk);
    if (peer && !in_tree_.count(socket.peer) && outside != OutsidePeer::Close)
        external_peer(*peer);
    if (outside != OutsidePeer::Reconnect && outside != OutsidePeer::Null)
        return queue(description);
    if (has_something(tree_.take(description.facts).get()))
        log::warning(Subject::current(), ": what it has received from outside of the tree is lost (--unix-peer)");
    if (outside == OutsidePeer::Null)
        description.entry = null_entry(usk);
}

bool Finisher::leads_to(const std::string &path, const sys::UnixSocket &socket, img::unix_sk_entry &usk) const
{
    auto st = sys::stat_at(AT_FDCWD, path.c_str());
    if (!st || !S_ISSOCK(st->st_mode) || !socket.file || static_cast<uint32_t>(st->st_ino) != socket.file->first ||
        (major(st->st_dev) << 20 | minor(st->st_dev)) != socket.file->second)
        return false;
    img::file_perms_entry &perms = *usk.mutable_file_perms();
    perms.set_mode(st->st_mode);
    perms.set_uid(st->st_uid);
    perms.set_gid(st->st_gid);
    return true;
}

// Programs bind a name that nobody knows and then rename or link it, so that clients never find a socket that
// does not listen yet (supervisord, haproxy). Such a socket comes back bound to the name that its file has
// now, in the same directory: the old one would be of no use to anybody.
bool Finisher::has_moved(const std::string &directory, const sys::UnixSocket &socket,
                         img::unix_sk_entry &usk) const
{
    if (socket.state == kUnixConnected && is_stream(socket))
        return false; // nobody looks for one of these by its name
    std::string bound = socket.name.c_str();
    std::string prefix = bound.substr(0, bound.rfind('/') + 1); // empty where there is no slash
    std::string place = cat(directory, prefix);
    long opened = sys::try_open_at(AT_FDCWD, place.c_str(), O_RDONLY | O_DIRECTORY);
    if (opened < 0)
        return false;
    Fd dir(static_cast<int>(opened));
    for (const std::string &name : sys::names_in(dir.get(), place)) {
        std::string now = cat(prefix, name);
        if (now.size() > sizeof sockaddr_un::sun_path || !leads_to(cat(place, name), socket, usk))
            continue;
        usk.set_name(now.c_str(), now.size() + 1);
        return true;
    }
    return false;
}

// A relative name was meant from the working directory of that time, which mostly is still that of a holder.
void Finisher::name(const Description &description, const sys::UnixSocket &socket, img::unix_sk_entry &usk)
{
    std::string path = socket.name.c_str();
    if (path[0] == '/') {
        usk.set_deleted(!leads_to(path, socket, usk) && !has_moved("", socket, usk));
        return;
    }
    for (auto [pid, fd] : description.holders) {
        std::string directory = proc::PidDir(pid).link("cwd");
        if (!leads_to(cat(directory, "/", path), socket, usk) && !has_moved(cat(directory, "/"), socket, usk))
            continue;
        usk.set_name_dir(directory);
        return;
    }
    usk.set_deleted(true);
}

// One whose other end is outside, which nothing else allows.
void Finisher::give_to_plugin(const Description &description, const sys::UnixSocket &socket,
                              img::unix_sk_entry &usk)
{
    Fd copy = tree_.take(description.facts);
    if (tree_.options()
            .plugins->run(plugin::Hook::DumpUnixSocket, static_cast<int>(usk.id()), copy.get())
            .not_theirs()) {
        Blocker blocker = outside_blocker(description.facts, socket, sockets_.find(socket.peer));
        refused(blocker.reason, blocker.remedy);
    }
    usk.set_uflags(kUnixOfPlugin);
    usk.set_peer(0);
}

void Finisher::external_peer(const sys::UnixSocket &peer)
{
    if (!peer.name.empty() && external_.insert(peer.inode).second)
        tree_.add_entry(outside_entry(peer, tree_.new_id()));
}

void Finisher::queue(Description &description)
{
    const img::unix_sk_entry &usk = description.entry.usk();
    if (usk.state() == kUnixListens)
        return waiting(description);
    std::vector<Packet> seen_now;
    const std::vector<Packet> *packets = tree_.carried().packets(usk.ino());
    if (!packets) {
        seen_now = read_queue(tree_.take(description.facts).get(), static_cast<int>(usk.type()), undo_);
        packets = &seen_now;
    }
    for (const Packet &packet : *packets)
        put_packet(tree_.socket_queues(), description.entry.id(), packet,
                   [this](int fd) { return tree_.carried_file(fd); });
}

void Finisher::waiting(Description &description)
{
    img::unix_sk_entry &usk = *description.entry.mutable_usk();
    const sys::UnixSocket &socket = *sockets_.find(usk.ino());
    if (socket.waiting.empty())
        return;
    auto clients = waiting_.read(sockets_, socket, tree_.take(description.facts).get());
    for (size_t i = 0; i < clients.size(); i++) {
        *usk.add_cr_waiting() = clients[i].entry;
        for (Packet &packet : clients[i].packets) {
            packet.waiting = static_cast<int>(i);
            put_packet(tree_.socket_queues(), description.entry.id(), packet);
        }
    }
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.usk().flags(), &entry.usk().fown()};
}

void finish(Tree &tree)
{
    auto is_ours = [](const Description &d) { return d.kind == &kUnixSocket; };
    const auto &all = tree.descriptions();
    if (std::any_of(all.begin(), all.end(), is_ours))
        Finisher(tree).run();
}

} // namespace

UnixSockets::UnixSockets() : all_(sys::unix_sockets())
{
    std::sort(all_.begin(), all_.end(), [](auto &a, auto &b) { return a.inode < b.inode; });
    for (const sys::UnixSocket &socket : all_)
        for (uint32_t client : socket.waiting)
            waiting_[client] = socket.inode;
}

const sys::UnixSocket *UnixSockets::find(uint32_t inode) const
{
    auto found = std::lower_bound(all_.begin(), all_.end(), inode,
                                  [](const sys::UnixSocket &s, uint32_t i) { return s.inode < i; });
    return inode && found != all_.end() && found->inode == inode ? &*found : nullptr;
}

const sys::UnixSocket *UnixSockets::waits_at(uint32_t client) const
{
    auto found = waiting_.find(client);
    return found == waiting_.end() ? nullptr : find(found->second);
}

std::optional<Blocker> unix_blocker(const Facts &facts, const UnixSockets &sockets, const InTree &in_tree,
                                    const DumpOptions &options)
{
    const sys::UnixSocket *socket = sockets.find(inode_of(facts));
    if (!socket)
        return blocker_of(facts,
                          "the kernel does not list this unix socket (it is of another network namespace)");
    const sys::UnixSocket *peer = sockets.find(socket->peer);
    // Whether a plugin really knows it is heard when it is dumped.
    bool of_plugin = options.plugins && options.plugins->has(plugin::Hook::DumpUnixSocket);
    if (socket->peer && !in_tree(socket->peer) && !of_plugin &&
        outside_peer(*socket, peer, options) == OutsidePeer::Refused)
        return outside_blocker(facts, *socket, peer);
    if (socket->state == kUnixListens) {
        for (uint32_t client : socket->waiting)
            if (client && !in_tree(client)) {
                std::string holder = socket_holder(client);
                return blocker_of(facts,
                                  cat("a connection from outside of the tree is not accepted yet",
                                      holder.empty() ? "" : ", of ", holder),
                                  "let the program accept it first, or end that client");
            }
    }
    if (const sys::UnixSocket *listener = sockets.waits_at(socket->inode)) {
        if (!in_tree(listener->inode))
            return blocker_of(facts, "it waits to be accepted by a process outside of the tree",
                              "try again when it was accepted");
    }
    return std::nullopt;
}

const Kind kUnixSocket = {
    .name = "unix socket",
    .type = img::UNIXSK,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = finish,
    .common = common,
    .check = check_unix,
    .open = open_unix,
    .arm = arm_unix,
    .after_tasks = finish_unix,
    .kept = "name, peer, options, what was not read yet",
};

} // namespace cr::files
