// The files that inotify and fanotify watch. The kernel tells of a watch only the file system's device, the
// inode number and a file handle: there is no path, the file may have been renamed since, or have no name at
// all.
//
// On dump, a handle is opened through any mount of that device, which gives the name that the file has now.
// Where the file system opens no handles (overlayfs, some network file systems), or when the caller wants it
// (--force-irmap), the inode is looked for below likely directories: those of --irmap-scan-path, those that
// the tree has open or works in, and some that daemons watch. A file without a name that the tree has open is
// named by its entry in the images.
//
// On restore the path is taken when it leads to the same inode as before; else the handle, since the file may
// have been renamed meanwhile; else the path, whatever is there now: on another machine nothing has the same
// inode.
#pragma once

#include "fh.pb.h"
#include "fsnotify.pb.h"
#include "regfile.pb.h"
#include "libcr/files/kind.h"
#include "libcr/files/opener.h"
#include "libcr/sys/file_handle.h"

#include <map>
#include <memory>
#include <mutex>

namespace cr::files
{

struct Description;

// What fdinfo tells of a watched inode.
struct WatchedInode {
    uint32_t s_dev = 0; // as the kernel encodes it: major << 20 | minor
    uint64_t ino = 0;
    img::fh_entry handle; // without path
};

// "8" and "7e9e0000640d1b6d" and the type: the handle of an fdinfo line. Throws when it is none.
void parse_handle(std::string_view line, img::fh_entry &to);
// Throws bad_image.
void check_handle(const img::fh_entry &handle);

// An O_PATH descriptor of the file of that handle, through a mount of its file system; empty when it is not there.
Fd open_handle(uint32_t s_dev, const img::fh_entry &handle);
// Device, inode and handle of the file behind `via`, when it has a handle.
bool put_handle(const struct stat &st, const std::string &via, img::cr_file_id_entry &to);

// Fills in a place where a mount is: that of the id, or any of the file system of that device. Throws Refused when
// there is none.
void put_mount(std::optional<uint32_t> id, uint32_t s_dev, img::fanotify_mount_mark_entry &to);

// For a dump.
class WatchedFiles
{
  public:
    explicit WatchedFiles(Tree &tree);

    // Sets path and mnt_id of the handle, or returns the description that is that file. Throws Refused when
    // it is neither.
    const Description *find(WatchedInode &inode);

  private:
    struct Mount {
        int id;
        std::string path;
        Fd fd;
    };
    using Inode = std::pair<dev_t, ino_t>;
    Fd open_handle(const WatchedInode &inode, int &mount_id);
    std::optional<std::string> scan_for(const WatchedInode &inode);
    void scan(const std::string &path, dev_t dev, int depth);
    void add_scan_roots();

    Tree &tree_;
    std::map<uint32_t, std::vector<Mount>> mounts_; // by s_dev
    std::multimap<Inode, const Description *> open_;
    struct Root {
        std::string path;
        int depth;
    };
    std::vector<Root> roots_; // not scanned yet, last first
    std::map<Inode, std::string> scanned_;
};

// For a restore: a name of the file to watch, which stays valid while this object lives.
class WatchedName
{
  public:
    // `target` is the entry that the images name instead of a path, or null.
    WatchedName(const WatchedInode &inode, const img::file_entry *target, const Opener &opener);
    const char *path() const { return path_.c_str(); }
    // The name is the file's own (which may be a symbolic link), not one of a descriptor.
    bool is_own() const { return !by_handle_ && !by_target_; }

  private:
    std::string path_;
    Fd handle_;
    bool by_handle_ = false, by_target_ = false;
};

} // namespace cr::files
