// Files in memory (memfd_create): what is common to their descriptors and their mappings. See memfd.cc.
#pragma once

#include "libcr/files/facts.h"
#include "libcr/image/dir.h"
#include "memfd.pb.h"

#include <map>
#include <mutex>

namespace cr::files
{

bool is_memfd(const Facts &facts);

// The memfds of a dump, each once, whatever refers to it. May be used by several threads.
class MemfdTable
{
  public:
    // The number of the file that `via` leads to; one that is new is stored at once.
    uint32_t add(const image::Dir &images, const Facts &facts, const std::string &via);
    // memfd.img
    void write(const image::Dir &images) const;

  private:
    std::mutex mutex_;
    std::map<std::pair<dev_t, ino_t>, img::memfd_inode_entry> inodes_;
};

// By their numbers. Throws bad_image for what cannot be.
std::map<uint32_t, img::memfd_inode_entry> read_memfds(const image::Dir &images);

} // namespace cr::files
