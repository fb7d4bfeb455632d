// Seccomp, thread by thread: strict mode, or a chain of filters of which threads share the older part with
// those that they descend from or were synchronised with.
//
// The image has each filter object of the tree once, with the index of the one before it in the chain; a
// thread names the newest of its own. Which are the same object only the kernel's own structures tell.
//
// A restored thread installs them while it still has the privilege for that (one without no_new_privs that
// gave up CAP_SYS_ADMIN later could not any more), which is before its other last calls. So they must not be
// in force yet: its tracer suspends them (PTRACE_O_SUSPEND_SECCOMP) until it lets go of the thread. What all
// threads of a process have in common is installed by the leader for all of them (SECCOMP_FILTER_FLAG_TSYNC)
// and is one object again. Processes have objects of their own, with equal contents.
#pragma once

#include "core.pb.h"
#include "libcr/task/build.h"
#include "libcr/task/facts.h"
#include "libcr/task/kernel_facts.h"
#include "seccomp.pb.h"

#include <map>
#include <vector>

namespace cr::task
{

// Of a dump: the filters found so far.
class SeccompFilters
{
  public:
    // Notes the filters of a stopped thread, which is the index in the image of its newest.
    void capture(ThreadFacts &thread, const KernelSource &kernel);
    const img::seccomp_entry &image() const { return image_; }

  private:
    img::seccomp_entry image_;
    std::map<uint64_t, uint32_t> by_object_;
};

// ---- restore

// Throws unless each filter is one, comes after the one that it refers to, and every thread's is there.
void check_filters(const img::seccomp_entry &filters);
bool has_seccomp(const img::core_entry &core);
void check_seccomp(const img::core_entry &core, const img::seccomp_entry &filters);

// Indices of a thread's filters, the oldest first.
std::vector<uint32_t> chain_of(const img::core_entry &core, const img::seccomp_entry &filters);
// How many of the oldest all of them have in common.
size_t common_part(const std::vector<std::vector<uint32_t>> &chains);

// Adds the calls that install `chain` from its element `from` up to `to`, for all threads if `for_all`.
void install(const std::vector<uint32_t> &chain, size_t from, size_t to, bool for_all,
             const img::seccomp_entry &filters, Build &build);
void enter_strict(Build &build);

} // namespace cr::task
