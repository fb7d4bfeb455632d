#include "libcr/restore/region_memory.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <cstring>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

namespace cr::restore
{

RegionMemory::RegionMemory(const program::Region &region, TargetAddr base, uint64_t size)
    : region_(region), base_(base), size_(size)
{
    Fd fd(static_cast<int>(sys::check(sys::call(SYS_memfd_create, "cr-programs", MFD_CLOEXEC),
                                      "make memory for the programs of the restore")));
    sys::check(sys::call(SYS_ftruncate, fd.get(), size_), "size the memory for the programs of the restore");
    long at = sys::check(sys::call(SYS_mmap, base.value, size_, PROT_READ | PROT_WRITE | PROT_EXEC,
                                   MAP_SHARED | MAP_FIXED_NOREPLACE, fd.get(), 0),
                         "map the programs of the restore");
    bytes_ = reinterpret_cast<uint8_t *>(at);
    std::vector<uint8_t> linked = region.link(base);
    memcpy(bytes_, linked.data(), linked.size());
}

RegionMemory::~RegionMemory() { sys::call(SYS_munmap, bytes_, size_); }

const volatile uint32_t *RegionMemory::word(program::WordId id) const
{
    return reinterpret_cast<const volatile uint32_t *>(bytes_ + region_.offset_of(id));
}

TargetAddr RegionMemory::write(program::DataId id, const void *bytes, size_t size)
{
    std::memcpy(bytes_ + region_.offset_of(id), bytes, size);
    return base_ + region_.offset_of(id);
}

void RegionMemory::set_word(program::WordId id, uint32_t value)
{
    auto *word = reinterpret_cast<uint32_t *>(bytes_ + region_.offset_of(id));
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
    auto wake = [&] { return sys::call(SYS_futex, word, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0); };
    if (wake() < 0) // or those who sleep there would do so for ever
        wake();
}

std::optional<Error> RegionMemory::failure() const
{
    std::vector<program::Failure> failures = region_.failures(bytes_, base_);
    if (failures.empty())
        return std::nullopt;
    const program::Failure &first = failures.front();
    std::string what = cat("restore ", first.subject.empty() ? "" : first.subject + ": ", first.operation);
    if (!first.err)
        what += cat(" gave ", first.result);
    return Error(Error::Kind::Failed, first.err, what).with_subject(first.program_name);
}

} // namespace cr::restore
