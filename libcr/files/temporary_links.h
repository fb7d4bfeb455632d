// Temporary names (--link-remap). An open file may have no name in its directory any more, but another one
// somewhere, which nobody can tell. It is given one beside the old, "link_remap.N" as CRIU has it, by which
// a restore finds it and which that takes away again.
//
// A name in a directory of the user's outlives us, so it is written down before it is made, in the image
// directory: device, inode, when, and the name. Whoever ends a dump that leaves no checkpoint behind (the
// holder of the tree, or cr-thaw when that is gone) takes all of them away; after a dump of which everybody was
// killed the next one into that directory does. Only a name that leads to that inode, and of a file that was
// changed since (which making a name does), is taken away.
//
// The stage that makes names may be late: the record is made when the dump begins, its removal ends it, and who
// makes a name holds a lock on it meanwhile. So no name is made after they were taken away.
//
// The record is not an image (tools that read all of those know nothing of it): "cr-link-remap", of records
// that end with NUL: "DEVICE INODE SECONDS NANOSECONDS NAME".
#pragma once

#include "libcr/base/fd.h"
#include "libcr/image/dir.h"

#include <map>
#include <mutex>
#include <string>
#include <sys/stat.h>

namespace cr::files
{

// What CRIU and we call them; a number follows.
inline constexpr const char *kTemporaryLink = "link_remap.";

// Makes the record; from now on names may be made.
void permit_temporary_links(const image::Dir &images);
// Takes away all that are recorded, and the record. Warns of what cannot be. Nothing when there is no record.
void remove_temporary_links(const image::Dir &images);
// The record alone: of a checkpoint that was restored.
void forget_temporary_links(const image::Dir &images);

// Why the file behind `via` (/proc/PID/fd/N) cannot get a name in `directory`; empty when it can.
std::string link_obstacle(const std::string &via, const std::string &directory);

// Of a dump; used by several threads.
class TemporaryLinks
{
  public:
    // The temporary name of the file behind `via` in `directory`, made at the first call. Throws when the dump
    // was undone meanwhile.
    std::string make(const image::Dir &images, const struct stat &st, const std::string &via,
                     const std::string &directory);

  private:
    std::mutex mutex_;
    std::map<std::pair<dev_t, ino_t>, std::string> made_;
    unsigned next_ = 1;
};

} // namespace cr::files
