// A kind of open file: everything that is known about it, dump and restore side by side, in one file of this
// folder, with one line in the table of kinds.cc.
//
// On dump, claims() tells a descriptor's kind from plain facts; exactly one kind says yes, and when none
// does, unsupported.h explains. blocker() then says whether this one can be dumped at all. Both run before
// any code is run in a task. Once every descriptor of the tree is known and those that share an open
// description are found (identity.h), capture() fills in one image entry per description, on several threads;
// finish() does, once per kind, what needs all of them (contents of pipes, targets of epolls).
//
// On restore, check() examines an entry against the whole image set before anything is made; open() makes the
// description in the opener; arm() adds what needs all the others to be open, after_tasks() what needs the
// tasks. What is done in a task's own program (numbers, close-on-exec) is the same for all kinds: table.h.
//
// A hook that has a default, null, is left out by a kind that has no use of it.
#pragma once

#include <csignal>
#undef sigmask // glibc's, the old one of BSD: a field of the images has that name

#include "fdinfo.pb.h"
#include "libcr/base/blocker.h"
#include "libcr/files/facts.h"

#include <optional>
#include <span>

namespace cr::plugin
{
class Plugins;
enum class Hook : uint32_t;
}

namespace cr::files
{

class Tree;
class Capture;
class Plan;
class Opener;

struct DumpOptions {
    bool shell_job = false; // terminals belong to the caller and are given back by the restore's caller
    bool orphan_pts_master = false; // likewise, by a new master that the caller of the restore gets
    bool build_id = true;   // store build ids of ELF files
    bool file_locks = false;
    bool link_remap = false; // files may be given temporary names
    bool evasive_devices = false; // a device may get another name of the same number
    bool ext_unix_sk = false; // datagram sockets may be connected to others outside of the tree
    std::vector<uint32_t> ext_unix_sk_inodes; // only to these; empty: to any
    std::vector<std::string> unix_peers; // NAME=ACTION: of connections to others, see unix_peer.h
    bool tcp_established = false;             // TCP connections are kept
    bool tcp_close = false;                   // TCP connections come back closed
    bool skip_in_flight = false;              // connections that are not accepted yet are left out
    uint64_t ghost_limit = 1 << 20;           // largest deleted file on disk, bytes
    bool force_irmap = false; // watched files are looked for by inode numbers, not by their handles
    std::vector<std::string> irmap_scan_paths;
    plugin::Plugins *plugins = nullptr; // borrowed
    std::vector<std::string> external; // "pipe:[4711]": the other end is given back at restore
};

// What all kinds have in common, found in each one's own message.
struct Common {
    uint32_t flags = 0;
    const img::fown_entry *owner = nullptr;
};

// Who has to be there before a description can be opened. They wait for it in turn.
enum class Stage { Nobody, Processes, Threads };

struct Kind {
    const char *name;
    img::fd_types type;

    bool (*claims)(const Facts &);
    std::optional<Blocker> (*blocker)(const Facts &, const DumpOptions &); // of facts.info it has the flags
    void (*capture)(Capture &);
    void (*finish)(Tree &) = nullptr;

    Common (*common)(const img::file_entry &, const Plan &);
    void (*check)(const img::file_entry &, const Plan &);
    // Appends those that must be open for arm(). A circle is refused.
    void (*needs)(const img::file_entry &, const Plan &, std::vector<const img::file_entry *> &) = nullptr;
    void (*open)(const img::file_entry &, Opener &);
    void (*arm)(const img::file_entry &, Opener &) = nullptr;
    void (*after_tasks)(const img::file_entry &, Opener &) = nullptr; // when all tasks exist
    // When it can be opened, where that is not at once.
    Stage (*stage)(const img::file_entry &, const Plan &) = nullptr;
    // When the tasks are sure to live, once for all entries; cannot be undone.
    void (*let_go)(Opener &) = nullptr;
    // What blocker() cannot tell from facts: asked of a copy of the descriptor.
    std::optional<Blocker> (*look)(const Facts &, int fd) = nullptr;
    // Throws when what open() looks for by name is not there or has changed; makes nothing.
    void (*find)(const img::file_entry &, const Plan &) = nullptr;
    const char *kept = "all of it";  // for people (cr check --descriptors)
    std::string (*lost)() = nullptr; // what is not kept on this kernel; null: nothing
};

std::span<const Kind *const> kinds();
// The kind that claims these facts; null when none does.
const Kind *classify(const Facts &facts);
// The kind of what no other claims, when a plugin may know it; else null.
const Kind *plugin_kind(const DumpOptions &options);
// Has a plugin make the file of an entry; it may want to be asked again, and then nothing is made.
void open_by_plugin(const img::file_entry &entry, Opener &opener, plugin::Hook hook);
// The kind whose entries have that type; null when it is not supported.
const Kind *kind_of(img::fd_types type);

// The Blocker with this descriptor as its subject.
Blocker blocker_of(const Facts &facts, std::string reason, std::string remedy = {});

} // namespace cr::files
