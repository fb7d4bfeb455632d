// Memory to copy pages into. A fresh 4 KiB page costs a fault and its clearing, more than the copy itself;
// large pages make a fresh buffer three times cheaper, a buffer used again costs nothing. So: large pages,
// reused.
#pragma once

#include "libcr/base/addr.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace cr::mm
{

class PageBuffer
{
  public:
    static constexpr size_t kLargePage = 2 << 20;

    PageBuffer() = default;
    // Anonymous memory; from kLargePage on at a multiple of that, large pages asked for. Throws when there is none.
    explicit PageBuffer(size_t capacity);
    PageBuffer(PageBuffer &&other) noexcept { swap(other); }
    PageBuffer &operator=(PageBuffer &&other) noexcept
    {
        PageBuffer taken(std::move(other));
        swap(taken);
        return *this;
    }
    PageBuffer(const PageBuffer &) = delete;
    PageBuffer &operator=(const PageBuffer &) = delete;
    ~PageBuffer();
    // A part of memory that somebody else owns.
    static PageBuffer borrowed(uint8_t *data, size_t capacity)
    {
        PageBuffer out;
        out.data_ = data;
        out.capacity_ = capacity;
        return out;
    }

    uint8_t *data() { return data_; }
    const uint8_t *data() const { return data_; }
    size_t capacity() const { return capacity_; }
    explicit operator bool() const { return data_; }

    size_t used = 0; // bytes that mean something

  private:
    void swap(PageBuffer &other)
    {
        std::swap(mapping_, other.mapping_);
        std::swap(mapped_, other.mapped_);
        std::swap(data_, other.data_);
        std::swap(capacity_, other.capacity_);
        std::swap(used, other.used);
    }

    void *mapping_ = nullptr;
    size_t mapped_ = 0;
    uint8_t *data_ = nullptr;
    size_t capacity_ = 0;
};

// Memory got beforehand, since getting it (the kernel clears it, a hypervisor may have to find it) takes
// several times as long as copying into it. Buffers are of kLargePage, live as long as the pool, and do not
// come back.
class PagePool
{
  public:
    void reserve(size_t bytes);
    PageBuffer take(size_t capacity);

  private:
    PageBuffer memory_;
    std::atomic<size_t> next_ = 0;
};

} // namespace cr::mm
