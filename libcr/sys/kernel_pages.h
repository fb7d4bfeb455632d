// Where the kernel's own mapping of all memory begins, and its table of pages, so that the contents of a page
// are read that some structure of the kernel's points to. Both are found with a page of ours, whose number
// /proc/self/pagemap tells (CAP_SYS_ADMIN): a pipe that it was given to (vmsplice(2)) has the pointer, and
// the mapping begins where that page is seen at its number.
#pragma once

#include "libcr/sys/kernel_memory.h"

#include <cstdint>

namespace cr::sys
{

class KernelPages
{
  public:
    // Throws when they cannot be found.
    explicit KernelPages(const KernelMemory &memory);

    // The address of the contents of the page that this `struct page` stands for.
    uint64_t contents(uint64_t page) const;

  private:
    class Marked;
    uint64_t find_table(const Marked &marked);
    void find_mapping(const Marked &marked, uint64_t inside);

    const KernelMemory &memory_;
    uint64_t table_ = 0, page_size_ = 0; // of struct page
    uint64_t mapping_ = 0;
};

} // namespace cr::sys
