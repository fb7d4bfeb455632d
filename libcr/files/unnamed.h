// Files whose name does not lead to them any more. One that has another name in the same directory is
// recorded under that one; one that has another name elsewhere gets a temporary one (temporary_links.h). One
// that has none at all (deleted, or made by O_TMPFILE) goes into the images itself, as a "ghost": contents with
// their holes, owner, mode, times, extended attributes. What becomes of them on a restore: ghosts.h.
//
// Images: ghost-file-ID.img, and remap-fpath.img that says which regular-file entry is which ghost, or has
// which temporary name; as CRIU has them, times and attributes more exact.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/files/kind.h"
#include "libcr/image/dir.h"

#include "ghost-file.pb.h"
#include "remap-file-path.pb.h"

#include <map>
#include <mutex>
#include <string>

namespace cr::files
{

// "/a/b" of "/a/b/c".
std::string directory_of(const std::string &name);
// That directory, or what is left of the way to it.
std::string existing_directory(const std::string &name);

// How a file can be found again.
struct FoundName {
    enum class How { Here, Elsewhere, Link, Ghost } how = How::Here;
    std::string name;               // without " (deleted)"; of a Link the old one
    std::optional<Blocker> blocker; // why it cannot
};

// `via` opens the file (/proc/PID/fd/N and the like).
FoundName find_name(const Facts &facts, const DumpOptions &options, const std::string &via);
// The same for descriptors and directories of a task.
FoundName find_name(const Facts &facts, const DumpOptions &options);
std::string via_of(const Facts &facts);
bool is_device(const Facts &facts);

// The ghosts of a dump; used by several threads.
class GhostWriter
{
  public:
    // Records that the regular-file entry `file_id` is the ghost behind `via`, and copies that, once.
    void add(const image::Dir &images, uint32_t file_id, const Facts &facts, const std::string &via);
    // Records that the entry is a file below /proc of a process that is dead.
    void add_dead(uint32_t file_id, pid_t pid);
    // Records that the entry is the file which entry `link_id` names temporarily.
    void add_link(uint32_t file_id, uint32_t link_id);
    // remap-fpath.img, when there are any.
    void write(const image::Dir &images) const;

  private:
    std::mutex mutex_;
    std::map<std::pair<dev_t, ino_t>, uint32_t> ids_;
    std::map<uint32_t, uint32_t> remaps_; // regular-file entry to ghost
    std::map<uint32_t, uint32_t> dead_;   // ... to pid
    std::map<uint32_t, uint32_t> links_;  // ... to the entry of its temporary name
};

} // namespace cr::files
