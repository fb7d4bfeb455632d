#include "libcr/image/catalog.h"

#include "libcr/base/text.h"

namespace cr::image
{

namespace
{

constexpr Entry raw(Kind kind, const char *stem, const char *suffix = ".img", bool legacy = false)
{
    return {kind, stem, Id::Dec, suffix, 0, Framing::Raw, Records::None, true, nullptr, nullptr, legacy};
}

constexpr Entry single(Kind kind, const char *stem, Id id, uint32_t magic, const char *message,
                       bool payload = false, const char *head = nullptr)
{
    return {kind, stem, id, ".img", magic, Framing::Normal, Records::Single, payload, message, head, false};
}

constexpr Entry array(Kind kind, const char *stem, Id id, uint32_t magic, const char *message,
                      bool payload = false, const char *head = nullptr)
{
    return {kind, stem, id, ".img", magic, Framing::Normal, Records::Array, payload, message, head, false};
}

constexpr Entry service(Kind kind, const char *stem, uint32_t magic, Records records, const char *message)
{
    return {kind, stem, Id::None, "", magic, Framing::Service, records, false, message, nullptr, false};
}

constexpr Entry legacy(Entry e)
{
    e.legacy = true;
    return e;
}

constexpr Entry inventory()
{
    return {Kind::Inventory, "inventory", Id::None,          ".img",  0x58313116, Framing::Inventory,
            Records::Single, false,       "inventory_entry", nullptr, false};
}

// clang-format off
constexpr Entry kCatalog[] = {
    inventory(),
    array(Kind::Pstree, "pstree", Id::None, 0x50273030, "pstree_entry"),
    single(Kind::Core, "core-", Id::Dec, 0x55053847, "core_entry"),
    single(Kind::Ids, "ids-", Id::Dec, 0x54432030, "task_kobj_ids_entry"),
    single(Kind::Mm, "mm-", Id::Dec, 0x57492820, "mm_entry"),
    array(Kind::Pagemap, "pagemap-", Id::Dec, 0x56084025, "pagemap_entry", false, "pagemap_head"),
    array(Kind::PagemapShmem, "pagemap-shmem-", Id::Dec, 0x56084025, "pagemap_entry", false, "pagemap_head"),
    raw(Kind::Pages, "pages-"),
    array(Kind::Fdinfo, "fdinfo-", Id::Dec, 0x56213732, "fdinfo_entry"),
    array(Kind::Files, "files", Id::None, 0x56303138, "file_entry"),
    single(Kind::Fs, "fs-", Id::Dec, 0x51403912, "fs_entry"),
    array(Kind::PipesData, "pipes-data", Id::None, 0x56453709, "pipe_data_entry", true),
    array(Kind::FifoData, "fifo-data", Id::None, 0x59333054, "pipe_data_entry", true),
    array(Kind::SkQueues, "sk-queues", Id::None, 0x56264026, "sk_packet_entry", true),
    single(Kind::TcpStream, "tcp-stream-", Id::Hex, 0x51465506, "tcp_stream_entry", true),
    array(Kind::TtyInfo, "tty-info", Id::None, 0x59453036, "tty_info_entry"),
    array(Kind::TtyData, "tty-data", Id::None, 0x59413026, "tty_data_entry"),
    array(Kind::RemapFpath, "remap-fpath", Id::None, 0x59133954, "remap_file_path_entry"),
    array(Kind::GhostFile, "ghost-file-", Id::Hex, 0x52583605, "ghost_chunk_entry", true, "ghost_file_entry"),
    array(Kind::Memfd, "memfd", Id::None, 0x48453499, "memfd_inode_entry"),
    array(Kind::BpfmapData, "bpfmap-data", Id::None, 0x64324033, "bpfmap_data_entry", true),
    array(Kind::Filelocks, "filelocks", Id::None, 0x54323616, "file_lock_entry"),
    single(Kind::Seccomp, "seccomp", Id::None, 0x64413049, "seccomp_entry"),
    single(Kind::Apparmor, "apparmor", Id::None, 0x59423047, "apparmor_entry"),
    single(Kind::Cgroup, "cgroup", Id::None, 0x59383330, "cgroup_entry"),
    single(Kind::Cpuinfo, "cpuinfo", Id::None, 0x61404013, "cpuinfo_entry"),
    single(Kind::Utsns, "utsns-", Id::Dec, 0x54473203, "utsns_entry"),
    single(Kind::IpcnsVar, "ipcns-var-", Id::Dec, 0x53115007, "ipc_var_entry"),
    array(Kind::IpcnsShm, "ipcns-shm-", Id::Dec, 0x46283044, "ipc_shm_entry", true),
    array(Kind::IpcnsMsg, "ipcns-msg-", Id::Dec, 0x55453737, "ipc_msg_entry", true),
    array(Kind::IpcnsSem, "ipcns-sem-", Id::Dec, 0x59573019, "ipc_sem_entry", true),
    single(Kind::Userns, "userns-", Id::Dec, 0x55474906, "userns_entry"),
    single(Kind::Timens, "timens-", Id::Dec, 0x43114433, "timens_entry"),
    single(Kind::Pidns, "pidns-", Id::Dec, 0x61157326, "pidns_entry"),
    array(Kind::Mountpoints, "mountpoints-", Id::Dec, 0x55563928, "mnt_entry"),
    single(Kind::Netns, "netns-", Id::Dec, 0x55933752, "netns_entry"),
    array(Kind::Netdev, "netdev-", Id::Dec, 0x57373951, "net_device_entry"),
    raw(Kind::Ifaddr, "ifaddr-"),
    raw(Kind::Route, "route-"),
    raw(Kind::Route6, "route6-"),
    raw(Kind::Rule, "rule-"),
    raw(Kind::Iptables, "iptables-"),
    raw(Kind::Ip6tables, "ip6tables-"),
    raw(Kind::Nftables, "nftables-"),
    raw(Kind::NetnsCt, "netns-ct-"),
    raw(Kind::NetnsExp, "netns-exp-"),
    raw(Kind::TmpfsDev, "tmpfs-dev-", ".tar.gz.img"),
    single(Kind::Autofs, "autofs-", Id::Dec, 0x49353943, "autofs_entry"),
    array(Kind::BinfmtMisc, "binfmt-misc", Id::None, 0x67343323, "binfmt_misc_entry"),
    service(Kind::StatsDump, "stats-dump", 0x57093306, Records::Single, "stats_entry"),
    service(Kind::StatsRestore, "stats-restore", 0x57093306, Records::Single, "stats_entry"),
    service(Kind::IrmapCache, "irmap-cache", 0x57004059, Records::Array, "irmap_cache_entry"),
    legacy(array(Kind::RegFiles, "reg-files", Id::None, 0x50363636, "reg_file_entry")),
    legacy(array(Kind::ExtFiles, "ext-files", Id::None, 0x59255641, "ext_file_entry")),
    legacy(array(Kind::NsFiles, "ns-files", Id::None, 0x61394011, "ns_file_entry")),
    legacy(array(Kind::Pipes, "pipes", Id::None, 0x56513555, "pipe_entry")),
    legacy(array(Kind::Fifo, "fifo", Id::None, 0x58364939, "fifo_entry")),
    legacy(array(Kind::Unixsk, "unixsk", Id::None, 0x54373943, "unix_sk_entry")),
    legacy(array(Kind::Inetsk, "inetsk", Id::None, 0x56443851, "inet_sk_entry")),
    legacy(array(Kind::Packetsk, "packetsk", Id::None, 0x60454618, "packet_sock_entry")),
    legacy(array(Kind::Netlinksk, "netlinksk", Id::None, 0x58005614, "netlink_sk_entry")),
    legacy(array(Kind::Eventfd, "eventfd", Id::None, 0x44523722, "eventfd_file_entry")),
    legacy(array(Kind::Eventpoll, "eventpoll", Id::None, 0x45023858, "eventpoll_file_entry")),
    legacy(array(Kind::EventpollTfd, "eventpoll-tfd", Id::None, 0x44433746, "eventpoll_tfd_entry")),
    legacy(array(Kind::Signalfd, "signalfd", Id::None, 0x57323820, "signalfd_entry")),
    legacy(array(Kind::Inotify, "inotify", Id::None, 0x48424431, "inotify_file_entry")),
    legacy(array(Kind::InotifyWd, "inotify-wd", Id::None, 0x54562009, "inotify_wd_entry")),
    legacy(array(Kind::Fanotify, "fanotify", Id::None, 0x55096122, "fanotify_file_entry")),
    legacy(array(Kind::FanotifyMark, "fanotify-mark", Id::None, 0x56506035, "fanotify_mark_entry")),
    legacy(array(Kind::Tty, "tty", Id::None, 0x59433025, "tty_file_entry")),
    legacy(array(Kind::Tunfile, "tunfile", Id::None, 0x57143751, "tunfile_entry")),
    legacy(array(Kind::Timerfd, "timerfd", Id::None, 0x50493712, "timerfd_entry")),
    legacy(array(Kind::BpfmapFile, "bpfmap-file", Id::None, 0x57506142, "bpfmap_file_entry")),
    legacy(array(Kind::Pidfd, "pidfd", Id::None, 0x54435556, "pidfd_entry")),
    legacy(array(Kind::Sigacts, "sigacts-", Id::Dec, 0x55344201, "sa_entry")),
    legacy(array(Kind::Itimers, "itimers-", Id::Dec, 0x57464056, "itimer_entry")),
    legacy(array(Kind::PosixTimers, "posix-timers-", Id::Dec, 0x52603957, "posix_timer_entry")),
    legacy(single(Kind::Creds, "creds-", Id::Dec, 0x54023547, "creds_entry")),
    legacy(array(Kind::Vmas, "vmas-", Id::Dec, 0x54123737, "vma_entry")),
    legacy(array(Kind::Rlimit, "rlimit-", Id::Dec, 0x57113925, "rlimit_entry")),
    legacy(array(Kind::SignalShared, "signal-s-", Id::Dec, 0x59255647, "siginfo_entry")),
    legacy(array(Kind::SignalPrivate, "signal-p-", Id::Dec, 0x59255647, "siginfo_entry")),
    raw(Kind::Tmpfs, "tmpfs-", ".tar.gz.img", true),
    legacy(array(Kind::BinfmtMiscOld, "binfmt-misc-", Id::Dec, 0x67343323, "binfmt_misc_entry")),
};
// clang-format on

constexpr bool in_order()
{
    for (size_t i = 0; i < std::size(kCatalog); i++)
        if (kCatalog[i].kind != static_cast<Kind>(i))
            return false;
    return true;
}
static_assert(in_order(), "the catalog is indexed by Kind");
static_assert(std::size(kCatalog) == static_cast<size_t>(Kind::BinfmtMiscOld) + 1);

} // namespace

std::span<const Entry> catalog() { return kCatalog; }

const Entry &entry(Kind kind) { return kCatalog[static_cast<size_t>(kind)]; }

bool outlives_dump(Kind kind) { return entry(kind).framing == Framing::Service || kind == Kind::Cpuinfo; }

std::string kind_name(Kind kind)
{
    std::string name = entry(kind).stem;
    if (name.ends_with('-'))
        name.pop_back();
    return name;
}

std::string file_name(Kind kind, uint64_t id)
{
    const Entry &e = entry(kind);
    switch (e.id) {
    case Id::None:
        return cat(e.stem, e.suffix);
    case Id::Dec:
        return cat(e.stem, id, e.suffix);
    case Id::Hex:
        return cat(e.stem, hex(id), e.suffix);
    }
    return {};
}

std::optional<FileId> parse_file_name(std::string_view name)
{
    for (const Entry &e : kCatalog) {
        std::string_view rest = name, suffix = e.suffix, stem = e.stem;
        if (!rest.starts_with(stem) || !rest.ends_with(suffix) || rest.size() < stem.size() + suffix.size())
            continue;
        rest = rest.substr(stem.size(), rest.size() - stem.size() - suffix.size());
        if (e.id == Id::None) {
            if (rest.empty())
                return FileId{e.kind, 0};
            continue;
        }
        auto id = parse_int<uint64_t>(rest, e.id == Id::Hex ? 16 : 10);
        if (id && file_name(e.kind, *id) == name)
            return FileId{e.kind, *id};
    }
    return std::nullopt;
}

} // namespace cr::image
