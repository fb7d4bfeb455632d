// System V shared memory (shmget) that is the machine's, in no ipc namespace of the tree's own. A segment is
// known by its id, which a restore asks for by /proc/sys/kernel/shm_next_id, and lives on without anybody
// attached to it: after a dump that kills it is still there, and a restore takes it over. It gets the
// contents of the dump then, unless others are attached, whose memory it is.
//
// One that was removed while attached (IPC_RMID) ends with its last user: it is made, attached here, removed,
// and let go when the tasks have it. So it leaves nothing behind, whatever happens.
//
// Tasks attach by shmat(2), since only that can be undone by shmdt(2): the whole segment at once, of which
// parts are then unmapped or protected as they were.
//
// Image: ipcns-shm, contents like those of shared memory. Not kept: who made it, and when it was used; the
// kernel lets nobody set that.
#pragma once

#include "ipc-shm.pb.h"
#include "libcr/image/dir.h"
#include "mm.pb.h"

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace cr::mm
{

// The namespace that all tasks are in, as ids name it.
inline constexpr uint64_t kIpcNamespace = 3;

// The number under which the contents of a segment are stored: apart from those of anonymous shared memory.
constexpr uint64_t contents_of_segment(uint64_t id) { return id | 1ull << 40; }

// What the kernel tells of a segment; `path` is what maps says: the key it was made with is in it.
img::ipc_shm_entry describe_segment(uint32_t id, std::string_view path);

// All segments that the areas of a tree map, by id. Throws what cannot be.
std::map<uint32_t, img::ipc_shm_entry> plan_segments(const image::Dir &dir,
                                                     std::span<const img::mm_entry *const> spaces);

// The segments of a restore. What was made goes away with this object, unless keep() was called.
class Segments
{
  public:
    Segments(const image::Dir &dir, const std::map<uint32_t, img::ipc_shm_entry> &plan);
    ~Segments() { remove(); }
    Segments(const Segments &) = delete;
    Segments &operator=(const Segments &) = delete;

    // All tasks have attached: we need not be.
    void detach();
    void keep() { made_.clear(); }

  private:
    void make(const image::Dir &dir, const img::ipc_shm_entry &segment);
    void remove();
    bool take_over(const img::ipc_shm_entry &segment, bool &in_use);

    std::vector<uint32_t> made_;
    std::vector<uint64_t> attached_; // addresses here
};

} // namespace cr::mm
