// Which files have locks on them? /proc/locks tells in one read, by device and inode, so that of a large
// table the fdinfo of the few descriptors of such files has to be read and not that of all. A device is told
// there as the file system has it, which for some (btrfs, overlayfs) is not what stat tells: so only inodes
// are compared here, and whether the lock is really held through a descriptor, its fdinfo says.
#pragma once

#include <cstdint>
#include <string_view>
#include <sys/stat.h>
#include <unordered_set>

namespace cr::files
{

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

} // namespace cr::files
