#include "libcr/mm/page_buffer.h"

#include "libcr/sys/gate.h"

#include <sys/mman.h>
#include <sys/syscall.h>

namespace cr::mm
{

PageBuffer::PageBuffer(size_t capacity)
{
    bool large = capacity >= kLargePage;
    size_t size = page_up(capacity) + (large ? kLargePage - kPageSize : 0);
    long at = sys::check(
        sys::call(SYS_mmap, nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        "get memory for a copy of pages");
    mapping_ = reinterpret_cast<void *>(at);
    mapped_ = size;
    capacity_ = capacity;
    auto start = static_cast<uint64_t>(at);
    if (large) {
        start = (start + kLargePage - 1) / kLargePage * kLargePage;
        // Only faster, never needed: where large pages are off, small ones do.
        sys::call(SYS_madvise, start, capacity / kLargePage * kLargePage, MADV_HUGEPAGE);
    }
    data_ = reinterpret_cast<uint8_t *>(start);
}

PageBuffer::~PageBuffer()
{
    if (mapping_)
        sys::call(SYS_munmap, mapping_, mapped_);
}

} // namespace cr::mm
