// Which threads are in a Landlock domain (landlock(7)): no file and no call tells, and nobody can put another
// thread into one that it did not make itself. So it is looked for in the kernel, where the credentials of a
// thread point to its domain, to be named and refused.
//
// Where in the credentials that is depends on the security modules of the kernel; a child of ours that enters
// a domain shows the place.
#pragma once

#include "libcr/sys/kernel_memory.h"

#include <optional>

namespace cr::task
{

class LandlockSearch
{
  public:
    // Nothing when this kernel has no Landlock, or hides it.
    static std::optional<LandlockSearch> make(const sys::KernelMemory &memory);
    // `task` is the address of a task_struct. Ours does not count: a restored task will be in it, too.
    bool bound(uint64_t task) const;

  private:
    LandlockSearch(const sys::KernelMemory &memory, uint64_t offset, uint64_t own)
        : memory_(&memory), offset_(offset), own_(own)
    {
    }
    const sys::KernelMemory *memory_;
    uint64_t offset_; // of the pointer to the domain, in what security modules have of credentials
    uint64_t own_;    // ours
};

} // namespace cr::task
