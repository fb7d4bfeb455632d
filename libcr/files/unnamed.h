// Files whose name does not lead to them any more. One that has another name in the same directory is
// recorded under that one. One that has none at all (deleted, or made by O_TMPFILE) goes into the images
// itself, as a "ghost": contents with their holes, owner, mode, times, extended attributes. On restore it is
// made without a name, given the old one for as long as it takes to open it by that (so that /proc shows
// "NAME (deleted)" as before), and opened again from there for each description.
//
// A directory, FIFO or device has no contents: it is made under its name, opened and removed.
//
// Images: ghost-file-ID.img, and remap-fpath.img that says which regular-file entry is which ghost; as CRIU
// has them, times and attributes more exact.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/files/kind.h"
#include "libcr/image/dir.h"

#include "ghost-file.pb.h"
#include "remap-file-path.pb.h"

#include <ctime>
#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace cr::files
{

// How a file can be found again.
struct FoundName {
    enum class How { Here, Elsewhere, Ghost } how = How::Here;
    std::string name;               // without " (deleted)"
    std::optional<Blocker> blocker; // why it cannot
};

// `via` opens the file (/proc/PID/fd/N and the like).
FoundName find_name(const Facts &facts, const DumpOptions &options, const std::string &via);
// The same for descriptors and directories of a task.
FoundName find_name(const Facts &facts, const DumpOptions &options);
std::string via_of(const Facts &facts);

// The ghosts of a dump; used by several threads.
class GhostWriter
{
  public:
    // Records that the regular-file entry `file_id` is the ghost behind `via`, and copies that, once.
    void add(const image::Dir &images, uint32_t file_id, const Facts &facts, const std::string &via);
    // Records that the entry is a file below /proc of a process that is dead.
    void add_dead(uint32_t file_id, pid_t pid);
    // remap-fpath.img, when there are any.
    void write(const image::Dir &images) const;

  private:
    std::mutex mutex_;
    std::map<std::pair<dev_t, ino_t>, uint32_t> ids_;
    std::map<uint32_t, uint32_t> remaps_; // regular-file entry to ghost
    std::map<uint32_t, uint32_t> dead_;   // ... to pid
};

// The ghosts of a restore.
class Ghosts
{
  public:
    // Checks them all. `known` tells whether there is a regular-file entry of that id.
    static Ghosts read(const image::Dir &images, const std::function<bool(uint32_t)> &known);

    // A file below /proc of a process that was dead at the dump.
    bool is_dead(uint32_t file_id) const { return dead_.count(file_id) != 0; }
    bool has(uint32_t file_id) const { return by_file_.count(file_id) != 0; }
    uint32_t mode(uint32_t file_id) const { return entries_.at(by_file_.at(file_id)).mode(); }
    // An O_PATH descriptor of the ghost, which is made now; `name` is its old name.
    Fd make(const image::Dir &images, uint32_t file_id, const std::string &name) const;
    uint32_t id(uint32_t file_id) const { return by_file_.at(file_id); }
    // After a restore that failed on the way: takes away `name` if it is this ghost's, left by a process that
    // was killed between giving the name and taking it. Nothing older than `since` is.
    void remove_left(uint32_t file_id, const std::string &name, const timespec &since) const;

  private:
    std::map<uint32_t, uint32_t> by_file_;
    std::set<uint32_t> dead_;
    std::map<uint32_t, img::ghost_file_entry> entries_;
};

} // namespace cr::files
