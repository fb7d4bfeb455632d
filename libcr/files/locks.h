// Locks on files: POSIX locks, which belong to a process and a file; flock(2) and OFD locks, which belong to
// an open file description; leases, which do too.
//
// /proc/locks tells in one read which files have locks at all, by device and inode, so that of a large
// table the fdinfo of the few descriptors of such files has to be read and not that of all. A device is told
// there as the file system has it, which for some (btrfs, overlayfs) is not what stat tells: so only inodes
// are compared here, and whether the lock is really held through a descriptor, its fdinfo says:
//
//   lock:   1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF
//
// On restore each lock is taken by a task that has the descriptor, in its own program, once its table stands:
// the kernel notes who took it, and closing any descriptor of the file would give a POSIX lock back. Those
// who wait for a lock call again by themselves.
//
// A lease that is being broken is told with what it shall become. It is taken as what it was (which the
// descriptor's mode tells); whoever breaks it calls open(2) again.
#pragma once

#include "file-lock.pb.h"
#include "libcr/files/facts.h"
#include "libcr/task/build.h"

#include <cstdint>
#include <string_view>
#include <sys/stat.h>
#include <unordered_set>

namespace cr::files
{

class Plan;
class Tree;

class Locks
{
  public:
    // The locks that there are now.
    static Locks read();
    static Locks parse(std::string_view text);

    bool may_hold(const struct stat &st) const { return inodes_.count(st.st_ino) != 0; }

  private:
    std::unordered_set<uint64_t> inodes_;
};

// The lock of a line "1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF", without fd; pid as it is told.
// `open_flags` are those of its descriptor. Throws when it is none.
img::file_lock_entry parse_lock(std::string_view line, uint32_t open_flags);

// Writes the locks of a stopped tree, whose descriptions are known. Nothing unless they are permitted.
void capture_locks(Tree &tree);

// Throws bad_image.
void check_lock(const img::file_lock_entry &lock);
// Takes the locks that `pid` took, in its program; its descriptor table is complete.
void arm_locks(const Plan &plan, pid_t pid, task::Build &build);

} // namespace cr::files
