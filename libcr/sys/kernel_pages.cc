#include "libcr/sys/kernel_pages.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/random.h"

#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace cr::sys
{

static constexpr uint64_t kPage = 4096, kGigabyte = 1 << 30;
static constexpr const char *kWhat = "find the kernel's mapping of all memory";

// Two pages, the first with contents that nothing else has.
class KernelPages::Marked
{
  public:
    Marked()
    {
        at_ = reinterpret_cast<char *>(check(call(SYS_mmap, nullptr, 2 * kPage, PROT_READ | PROT_WRITE,
                                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0),
                                             kWhat));
        for (size_t i = 0; i < kMark; i += sizeof(uint64_t)) {
            uint64_t number = random_number();
            std::memcpy(at_ + i, &number, sizeof number);
        }
        at_[kPage] = 1;
    }
    ~Marked() { call(SYS_munmap, at_, 2 * kPage); }
    Marked(const Marked &) = delete;
    Marked &operator=(const Marked &) = delete;
    static constexpr size_t kMark = 64;
    char *at(int page) const { return at_ + page * kPage; }
    // The number of its page frame.
    uint64_t frame(int page) const
    {
        Fd map = open_at(AT_FDCWD, "/proc/self/pagemap", O_RDONLY);
        uint64_t entry = 0;
        check(call(SYS_pread64, map.get(), &entry, sizeof entry,
                   reinterpret_cast<uint64_t>(at(page)) / kPage * sizeof entry),
              kWhat);
        uint64_t number = entry & ((1ull << 55) - 1);
        if (!number)
            failed_with(EPERM, kWhat);
        return number;
    }

  private:
    char *at_;
};

KernelPages::KernelPages(const KernelMemory &memory) : memory_(memory)
{
    Marked marked;
    find_mapping(marked, find_table(marked));
}

// Of two page frames the distance in the table is known. The address of something in the mapping.
uint64_t KernelPages::find_table(const Marked &marked)
{
    uint64_t at[2], frame[2], buffers = 0;
    for (int i = 0; i < 2; i++) {
        int ends[2];
        check(call(SYS_pipe2, ends, O_CLOEXEC), kWhat);
        Fd read_end(ends[0]), write_end(ends[1]);
        iovec part{marked.at(i), kPage};
        check(call(SYS_vmsplice, write_end.get(), &part, 1, 0), kWhat);
        uint64_t pipe = memory_.get<uint64_t>(memory_.file(read_end.get()), "file", "private_data");
        buffers = memory_.get<uint64_t>(pipe, "pipe_inode_info", "bufs");
        at[i] = memory_.get<uint64_t>(buffers, "pipe_buffer", "page");
        frame[i] = marked.frame(i);
    }
    bool ascends = frame[0] < frame[1];
    uint64_t apart = ascends ? frame[1] - frame[0] : frame[0] - frame[1];
    page_size_ = apart ? (ascends ? at[1] - at[0] : at[0] - at[1]) / apart : 0;
    table_ = at[0] - frame[0] * page_size_;
    if (!page_size_ || table_ + frame[1] * page_size_ != at[1])
        failed_with(ENOTSUP, kWhat);
    return buffers;
}

// It begins at a multiple of a gigabyte, before any address in it.
void KernelPages::find_mapping(const Marked &marked, uint64_t inside)
{
    char there[Marked::kMark];
    constexpr uint64_t kLargest = 64ull << 40;
    const uint64_t last = inside & ~(kGigabyte - 1), frame = marked.frame(0);
    for (mapping_ = last; last - mapping_ < kLargest; mapping_ -= kGigabyte)
        if (memory_.try_read(mapping_ + frame * kPage, there, sizeof there) &&
            std::memcmp(there, marked.at(0), sizeof there) == 0)
            return;
    failed_with(ENOTSUP, kWhat);
}

uint64_t KernelPages::contents(uint64_t page) const
{
    if (page < table_ || (page - table_) % page_size_)
        failed_with(EFAULT, "read a page of the kernel's");
    return mapping_ + (page - table_) / page_size_ * kPage;
}

} // namespace cr::sys
