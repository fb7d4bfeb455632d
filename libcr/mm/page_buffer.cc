#include "libcr/mm/page_buffer.h"

#include "libcr/base/error.h"
#include "libcr/mm/crew.h"
#include "libcr/sys/gate.h"

#include <sys/mman.h>
#include <sys/syscall.h>

namespace cr::mm
{

PageBuffer::PageBuffer(size_t capacity)
{
    bool large = capacity >= kLargePage;
    size_t size = page_up(capacity) + (large ? kLargePage - kPageSize : 0);
    // Small ones are filled whole: the kernel gets the pages of one call for a tenth of what each fault costs.
    int populate = large ? 0 : MAP_POPULATE;
    long at = sys::check(sys::call(SYS_mmap, nullptr, size, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | populate, -1, 0),
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

// Without memory to be had beforehand there may be some when it is needed.
// For less than a large page it is not worth it.
void PagePool::reserve(size_t bytes)
{
    size_t count = (bytes + PageBuffer::kLargePage / 2) / PageBuffer::kLargePage;
    if (!count)
        return;
    try {
        memory_ = PageBuffer(count * PageBuffer::kLargePage);
    } catch (const Error &) {
        return;
    }
    std::atomic<size_t> next = 0;
    auto touch = [&] {
        for (size_t i; (i = next++) < count;)
            for (size_t at = 0; at < PageBuffer::kLargePage; at += kPageSize)
                *static_cast<volatile uint8_t *>(memory_.data() + i * PageBuffer::kLargePage + at) = 0;
    };
    if (count < 4)
        touch();
    else
        together(touch);
}

PageBuffer PagePool::take(size_t capacity)
{
    size_t at = capacity <= PageBuffer::kLargePage ? next_++ * PageBuffer::kLargePage : memory_.capacity();
    if (at + PageBuffer::kLargePage > memory_.capacity())
        return PageBuffer(capacity);
    return PageBuffer::borrowed(memory_.data() + at, PageBuffer::kLargePage);
}

} // namespace cr::mm
