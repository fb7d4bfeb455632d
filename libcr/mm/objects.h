// What areas of a tree map, each once: files, and shared anonymous memory. Many areas of many tasks map the
// same libraries, so a tree of a thousand tasks has some dozens of files. Two areas that show the same file
// under two names, or opened for different access, are two claims: both are seen again after a restore.
#pragma once

#include "libcr/mm/classify.h"
#include "session.pb.h"

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace cr::mm
{

using ClaimSink = std::function<void(const img::session_file_claim &)>;

class FileTable
{
  public:
    FileTable(uint32_t first_id, ClaimSink claim) : next_id_(first_id), claim_(std::move(claim)) {}

    // The id of the file behind an area; claims it when it is new, after a look at the file itself. Throws
    // Refused when it cannot be dumped.
    uint32_t mapped(const proc::PidDir &task, const proc::Area &area, int flags);
    // The id of the task's executable.
    uint32_t executable(const proc::PidDir &task, const std::vector<proc::Area> &areas);

  private:
    using Key = std::tuple<uint32_t, uint32_t, uint64_t, int, std::string>;
    uint32_t add(const Key &key, const proc::PidDir &task, std::string via);

    std::mutex mutex_;
    uint32_t next_id_;
    ClaimSink claim_;
    std::map<Key, uint32_t> ids_;
};

// One object of shared anonymous memory, its number being the inode that every mapping of it shows.
struct SharedObject {
    uint64_t id = 0;
    pid_t pid = 0;       // a task that maps it,
    std::string via;     // and the link of that area: /proc/PID/map_files/START-END
    std::string segment; // of a System V segment: what maps says
};

class SharedTable
{
  public:
    void mapped(const proc::PidDir &task, const proc::Area &area, uint64_t id, bool segment);
    std::vector<SharedObject> take() { return std::move(objects_); }

  private:
    std::mutex mutex_;
    std::map<std::pair<bool, uint64_t>, size_t> index_; // segments are counted apart
    std::vector<SharedObject> objects_;
};

// /proc/PID/map_files/START-END
std::string map_file(pid_t pid, const proc::Area &area);

} // namespace cr::mm
