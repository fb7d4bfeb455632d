// Contexts of asynchronous I/O (io_setup(2)). A context is a ring of events in memory that the kernel and the
// program share, whose address is the context's name; the position where the kernel writes the next event is the
// kernel's own. So a restored one is made by io_setup, moved to its address by mremap, brought to that position
// by requests that end at once, and then its events are written over. What the program gave to the kernel must
// have ended before a dump: see KernelSource::requests_in_flight() of libcr/task.
//
// Source: fs/aio.c of the kernel; the same since Linux 3.10.
#pragma once

#include "libcr/mm/classify.h"
#include "libcr/mm/plan.h"
#include "libcr/task/build.h"

#include <functional>
#include <optional>

namespace cr::mm
{

// For a machine whose kernel may have to do with that many CPUs.
uint64_t ring_length(uint64_t requests, uint64_t cpus); // bytes, whole pages
// The smallest number of requests with a ring of that length.
uint32_t requests_of(uint64_t length);

// Why a task's ring could not be made again, as far as it tells itself.
std::optional<Blocker> ring_blocker(pid_t pid, const proc::Area &area);

// The entries `aios`, for the areas that are rings.
void describe_rings(img::mm_entry &mm);

// Each area that is a ring has its entry, of a possible size. Throws.
void check_rings(const img::mm_entry &mm);

// Reads what the images say of the rings of `plan`, and fills plan.rings. Throws Refused when a machine
// with that many possible CPUs makes a ring of another length for as many requests.
void plan_rings(TaskPlan &plan, uint64_t cpus);

// When nothing else is to be mapped any more. `fill` adds the operations that write these contents.
void make_rings(task::Build &build, const TaskPlan &plan,
                const std::function<void(const std::vector<Fill> &)> &fill);

} // namespace cr::mm
