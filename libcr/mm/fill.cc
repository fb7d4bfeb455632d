#include "libcr/mm/fill.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/mm/crew.h"
#include "libcr/sys/file.h"
#include "libcr/sys/memory.h"

#include <algorithm>
#include <atomic>
#include <climits>
#include <map>
#include <sys/mman.h>

namespace cr::mm
{

namespace
{

// The pages file, mapped: the kernel copies from there straight into the task. We never touch the mapping
// ourselves, so a file that gets shorter meanwhile is an EFAULT and no SIGBUS.
class MappedFile
{
  public:
    MappedFile(int fd, uint64_t size) : size_(size)
    {
        at_ = sys::check(sys::call(SYS_mmap, nullptr, size, PROT_READ, MAP_SHARED, fd, 0),
                         "map the stored pages");
        sys::call(SYS_madvise, at_, size, MADV_SEQUENTIAL); // a file on a disk is read ahead
    }
    ~MappedFile() { sys::call(SYS_munmap, at_, size_); }
    MappedFile(const MappedFile &) = delete;
    MappedFile &operator=(const MappedFile &) = delete;

    void *at(uint64_t offset) const { return reinterpret_cast<void *>(static_cast<uint64_t>(at_) + offset); }

  private:
    long at_;
    uint64_t size_;
};

// One call's worth: ranges of memory that follow each other in the file.
struct Piece {
    uint32_t source = 0;
    uint64_t offset = 0, size = 0;
    std::vector<iovec> to;
};

std::vector<Piece> cut(const std::vector<Fill> &fills)
{
    constexpr uint64_t kPiece = 2 << 20;
    std::vector<Piece> out;
    for (Fill fill : fills) {
        while (fill.size) {
            if (out.empty() || out.back().size == kPiece || out.back().to.size() == IOV_MAX ||
                out.back().source != fill.source || out.back().offset + out.back().size != fill.offset)
                out.push_back({fill.source, fill.offset, 0, {}});
            uint64_t n = std::min(fill.size, kPiece - out.back().size);
            out.back().to.push_back(sys::remote(fill.to, n));
            out.back().size += n;
            fill = {fill.to + n, fill.size - n, fill.offset + n, fill.source};
        }
    }
    return out;
}

} // namespace

void fill(pid_t pid, const TaskPlan &plan, const TaskPlan::Part &part)
{
    if (part.fills.empty())
        return;
    std::vector<Piece> pieces = cut(part.fills);
    std::vector<Fd> pages = plan.open_pages();
    std::map<uint32_t, MappedFile> files;
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) // the last of a file tells its size
        files.try_emplace(piece->source, pages[piece->source].get(), piece->offset + piece->size);
    std::atomic<size_t> next = 0;
    together([&] {
        auto describe = [&] { return cat("pid ", plan.pid); };
        Subject subject(describe);
        for (size_t i; (i = next++) < pieces.size();) {
            const Piece &piece = pieces[i];
            iovec from{files.at(piece.source).at(piece.offset), piece.size};
            long n = sys::check(sys::write_memory(pid, &from, 1, piece.to.data(), piece.to.size()),
                                [&] { return "fill its memory"; });
            if (static_cast<uint64_t>(n) != piece.size)
                failed_with(EFAULT, "fill its memory");
        }
    });
}

} // namespace cr::mm
