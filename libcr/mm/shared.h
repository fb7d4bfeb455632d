// Shared anonymous memory on restore.
//
// The object behind mmap(MAP_SHARED | MAP_ANONYMOUS) has no name and no descriptor; a memfd in its place
// would show in /proc/PID/maps under another name. But its mapping can be opened:
// /proc/self/map_files/START-END leads to the very object. So one is made and filled here, and every task
// maps it from a descriptor like a file.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/image/dir.h"
#include "libcr/image/pages.h"
#include "mm.pb.h"

#include <cstdint>
#include <span>
#include <vector>

namespace cr::mm
{

struct SharedPlan {
    uint64_t id = 0;       // shmid
    uint64_t size = 0;     // bytes
    uint32_t huge = 0;     // MAP_HUGETLB and its page size, or 0
    bool reserved = false; // counts as committed memory: some task mapped it without MAP_NORESERVE
};

// All objects that the areas of a tree map, by id, each as large as its farthest mapping or stored page
// needs.
std::vector<SharedPlan> plan_shared(const image::Dir &dir, std::span<const img::mm_entry *const> spaces);

// What is stored of an object.
image::Pagemap shared_contents(const image::Dir &dir, uint64_t id);
// Reads it into a mapping; pages that are not stored are not touched.
void read_shared_contents(const image::Dir &dir, const image::Pagemap &pagemap, uint8_t *to);
// Makes the object with its contents. Needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN.
Fd make_shared(const image::Dir &dir, const SharedPlan &plan);

} // namespace cr::mm
