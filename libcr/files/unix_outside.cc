#include "libcr/files/unix_outside.h"

#include "libcr/base/text.h"
#include "libcr/files/external.h"
#include "libcr/files/tree.h"
#include "libcr/files/unix_socket.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/sys/file.h"

#include <algorithm>
#include <fnmatch.h>
#include <sys/socket.h>

namespace cr::files
{

namespace
{

bool is_stream(const sys::UnixSocket &socket) { return socket.type != SOCK_DGRAM; }

// As people write it: a path, or @ and an abstract name.
std::string name_of(const sys::UnixSocket *peer)
{
    if (!peer || peer->name.empty())
        return {};
    return peer->name[0] ? peer->name.c_str() : cat("@", peer->name.c_str() + 1);
}

// Nothing: no rule of --unix-peer is for that name.
std::optional<OutsidePeer> by_name(const std::string &name, const DumpOptions &options)
{
    for (const std::string &rule : options.unix_peers) {
        size_t sign = rule.rfind('=');
        if (sign == std::string::npos || ::fnmatch(rule.substr(0, sign).c_str(), name.c_str(), 0) != 0)
            continue;
        std::string_view action = std::string_view(rule).substr(sign + 1);
        if (action == "close")
            return OutsidePeer::Close;
        if (action == "null")
            return OutsidePeer::Null;
        if (action == "reconnect" && (name.starts_with('/') || name.starts_with('@')))
            return OutsidePeer::Reconnect;
    }
    return std::nullopt;
}

} // namespace

OutsidePeer outside_peer(const sys::UnixSocket &socket, const sys::UnixSocket *peer, const DumpOptions &options)
{
    if (is_external(cat("unix[", socket.inode, "]"), options))
        return OutsidePeer::Given;
    std::string name = name_of(peer);
    if (auto action = by_name(name, options))
        return *action;
    const auto &listed = options.ext_unix_sk_inodes;
    bool by_option =
        options.ext_unix_sk && (listed.empty() || std::count(listed.begin(), listed.end(), socket.peer));
    return by_option && !is_stream(socket) && !name.empty() ? OutsidePeer::Given : OutsidePeer::Refused;
}

Blocker outside_blocker(const Facts &facts, const sys::UnixSocket &socket, const sys::UnixSocket *peer)
{
    std::string holder = socket_holder(socket.peer), name = printable(name_of(peer));
    std::string rule = name.empty() ? "--unix-peer '*=close'" : cat("--unix-peer ", name, "=reconnect (or close, null)");
    std::string remedy =
        is_stream(socket) || name.empty()
            ? cat("dump that process together with this tree, or use --external unix[", socket.inode,
                  "] and --inherit-fd fd[N]:socket:[", socket.inode, "] on restore, or ", rule)
            : cat("use --ext-unix-sk (-x): it is connected again by that name on restore; or ", rule);
    return blocker_of(facts,
                      cat("its other end is outside of the tree: socket ", socket.peer, " ",
                          name.empty() ? "without a name" : cat("of the name ", name),
                          holder.empty() ? "" : ", of ", holder),
                      remedy);
}

std::string socket_holder(uint32_t inode)
{
    std::string link = cat("socket:[", inode, "]");
    Fd proc = sys::open_at(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
    for (const std::string &pid : sys::names_in(proc.get(), "/proc")) {
        long dir =
            parse_int<pid_t>(pid) ? sys::try_open_at(proc.get(), cat(pid, "/fd").c_str(), O_RDONLY) : -1;
        if (dir < 0)
            continue;
        Fd fds(static_cast<int>(dir));
        for (const std::string &fd : sys::names_in(fds.get(), pid))
            if (sys::readlink_at(fds.get(), fd.c_str()) == link)
                return cat("pid ", pid, " (",
                           printable(trim(proc::PidDir(*parse_int<pid_t>(pid)).read("comm"))), "), fd ", fd);
    }
    return {};
}

img::file_entry outside_entry(const sys::UnixSocket &peer, uint32_t id)
{
    img::file_entry entry;
    entry.set_type(img::UNIXSK);
    entry.set_id(id);
    img::unix_sk_entry &usk = *entry.mutable_usk();
    usk.set_id(id);
    usk.set_ino(peer.inode);
    usk.set_type(peer.type);
    usk.set_state(peer.state);
    usk.set_flags(O_RDWR);
    usk.set_uflags(kUnixOutside);
    usk.set_backlog(0);
    usk.set_peer(0);
    usk.set_name(peer.name);
    set_no_owner(*usk.mutable_fown());
    img::sk_opts_entry &options = *usk.mutable_opts();
    options.set_so_sndbuf(0);
    options.set_so_rcvbuf(0);
    options.set_so_snd_tmo_sec(0);
    options.set_so_snd_tmo_usec(0);
    options.set_so_rcv_tmo_sec(0);
    options.set_so_rcv_tmo_usec(0);
    return entry;
}

img::file_entry null_entry(const img::unix_sk_entry &socket)
{
    img::file_entry entry;
    entry.set_type(img::REG);
    entry.set_id(socket.id());
    img::reg_file_entry &reg = *entry.mutable_reg();
    reg.set_id(socket.id());
    reg.set_flags(socket.flags());
    reg.set_pos(0);
    reg.set_name("/dev/null");
    *reg.mutable_fown() = socket.fown();
    return entry;
}

} // namespace cr::files
