// Every kind of image file: its name, magic, framing and message. The one place where these are written down;
// readers, writers, cr-show, the tests and cr-images(5) all go by this table.
//
// Source: the image format of CRIU 4.2. A file begins with, little endian:
//   Inventory  its own magic
//   Normal     a common magic, then its own (or, in directories of img_version 1, its own alone)
//   Service    the service magic, then its own
//   Raw        nothing: the content begins at once
// and goes on, unless raw, with records: a 32-bit length and that many bytes of protobuf, once (Single) or
// until the end of the file (Array). Payload bytes without any framing may follow a record; how many, the
// record says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cr::image
{

// In the order of the table in catalog.cc.
enum class Kind : uint8_t {
    // clang-format off
    Inventory, Pstree, Core, Ids, Mm, Pagemap, PagemapShmem, Pages, Fdinfo, Files, Fs,
    PipesData, FifoData, SkQueues, TcpStream, TtyInfo, TtyData, RemapFpath, GhostFile, Memfd, BpfmapData,
    Filelocks, Seccomp, Apparmor, Cgroup, Cpuinfo,
    Utsns, IpcnsVar, IpcnsShm, IpcnsMsg, IpcnsSem, Userns, Timens, Pidns,
    Mountpoints, Netns, Netdev, Ifaddr, Route, Route6, Rule, Iptables, Ip6tables, Nftables, NetnsCt, NetnsExp,
    TmpfsDev, Autofs, BinfmtMisc,
    StatsDump, StatsRestore, IrmapCache,
    // Not written any more; their content is in Files, Core and Mm now. Read for old directories.
    RegFiles, ExtFiles, NsFiles, Pipes, Fifo, Unixsk, Inetsk, Packetsk, Netlinksk, Eventfd, Eventpoll,
    EventpollTfd, Signalfd, Inotify, InotifyWd, Fanotify, FanotifyMark, Tty, Tunfile, Timerfd, BpfmapFile, Pidfd,
    Sigacts, Itimers, PosixTimers, Creds, Vmas, Rlimit, SignalShared, SignalPrivate,
    Tmpfs, BinfmtMiscOld,
    // clang-format on
};

enum class Framing : uint8_t { Inventory, Normal, Service, Raw };
enum class Records : uint8_t { None, Single, Array };
enum class Id : uint8_t { None, Dec, Hex };

inline constexpr uint32_t kCommonMagic = 0x54564319;
inline constexpr uint32_t kServiceMagic = 0x55105940;

struct Entry {
    Kind kind;
    const char *stem;   // "core-" of core-42.img; without an id the whole name before `suffix`
    Id id;              // how the number in the name is written
    const char *suffix; // ".img"; "" for service images
    uint32_t magic;     // 0: raw
    Framing framing;
    Records records;
    bool payload;        // raw bytes may follow a record
    const char *message; // without the package; nullptr: raw
    const char *head;    // message of the first record where it differs, else nullptr
    bool legacy;         // no longer written
};

const Entry &entry(Kind kind);
// Not a dump's own: statistics and the irmap cache live in the work directory, which may be the images', and cpuinfo is
// written by a command of its own.
bool outlives_dump(Kind kind);
std::span<const Entry> catalog();

// "core", "inventory".
std::string kind_name(Kind kind);
// "core-42.img". The id is ignored for kinds that have none.
std::string file_name(Kind kind, uint64_t id = 0);

struct FileId {
    Kind kind;
    uint64_t id;
};
// The reverse; nothing when no image has such a name.
std::optional<FileId> parse_file_name(std::string_view name);

} // namespace cr::image
