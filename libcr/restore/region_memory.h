// The memory that programs run from: a memfd mapped shared and executable at one address, here and, by
// inheritance, in every task until it has done its work. What programs store is seen here at once.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/base/error.h"
#include "libcr/program/program.h"

#include <cstdint>
#include <optional>

namespace cr::restore
{

class RegionMemory
{
  public:
    // Links `region` at `base`, where `size` bytes, no less than the region needs, must be free here.
    RegionMemory(const program::Region &region, TargetAddr base, uint64_t size);
    ~RegionMemory();
    RegionMemory(const RegionMemory &) = delete;
    RegionMemory &operator=(const RegionMemory &) = delete;

    TargetAddr base() const { return base_; }
    uint64_t size() const { return size_; }
    const uint8_t *bytes() const { return bytes_; }
    const volatile uint32_t *word(program::WordId id) const;
    // Writes over data; its address.
    TargetAddr write(program::DataId id, const void *bytes, size_t size);
    // Sets a word and wakes all who wait for it.
    void set_word(program::WordId id, uint32_t value);
    // About the first failure that a program recorded; nothing when there is none.
    std::optional<Error> failure() const;

  private:
    const program::Region &region_;
    TargetAddr base_;
    uint64_t size_;
    uint8_t *bytes_;
};

} // namespace cr::restore
