// The build id of an ELF file: the note GNU/NT_GNU_BUILD_ID that the linker put into a PT_NOTE segment,
// normally 20 bytes. It tells two builds of a library apart that have the same size.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <sys/stat.h>

namespace cr::files
{

// Empty when the file behind `fd` (readable, regular) is no ELF file or has no build id. Bytes that make no
// sense are no error: it is somebody's file, not ours.
std::string build_id_of(int fd);

// Those of many descriptors: each file is looked into once. Used by several threads.
class BuildIds
{
  public:
    // `read` gives that of the file; it is called when nothing is known of it yet.
    std::string of(const struct stat &st, const std::function<std::string()> &read);

  private:
    std::mutex mutex_;
    std::map<std::pair<dev_t, ino_t>, std::string> known_;
};

} // namespace cr::files
