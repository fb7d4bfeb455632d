// Address spaces for tests, by hand.
#pragma once

#include "libcr/mm/vma.h"
#include "mm.pb.h"

#include <sys/mman.h>

namespace cr::test
{

constexpr uint64_t kAt = 0x7f0000000000;

inline img::vma_entry vma(uint64_t start, uint64_t pages, uint32_t status = 0x201,
                          uint32_t flags = MAP_PRIVATE | MAP_ANONYMOUS,
                          uint32_t prot = PROT_READ | PROT_WRITE)
{
    img::vma_entry out;
    out.set_start(start);
    out.set_end(start + pages * kPageSize);
    out.set_pgoff(0);
    out.set_shmid(0);
    out.set_prot(prot);
    out.set_flags(flags);
    out.set_status(status);
    out.set_fd(-1);
    return out;
}

template <class... Vmas> img::mm_entry space(const Vmas &...vmas)
{
    img::mm_entry out;
    for (auto set :
         {&img::mm_entry::set_mm_start_code, &img::mm_entry::set_mm_end_code,
          &img::mm_entry::set_mm_start_data, &img::mm_entry::set_mm_end_data,
          &img::mm_entry::set_mm_start_stack, &img::mm_entry::set_mm_start_brk, &img::mm_entry::set_mm_brk,
          &img::mm_entry::set_mm_arg_start, &img::mm_entry::set_mm_arg_end, &img::mm_entry::set_mm_env_start,
          &img::mm_entry::set_mm_env_end})
        (out.*set)(0x10000);
    out.set_exe_file_id(1);
    (void(*out.add_vmas() = vmas), ...);
    return out;
}

} // namespace cr::test
