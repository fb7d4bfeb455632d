#include "libcr/sys/pagemap.h"

#include "libcr/base/fd.h"
#include "libcr/sys/file.h"

#include <fcntl.h>
#include <sys/mman.h>

namespace cr::sys
{

// What was mapped just now counts as written to.
bool keeps_soft_dirty()
{
    constexpr size_t kPage = 4096;
    long page = call(SYS_mmap, 0, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long file = try_open_at(AT_FDCWD, "/proc/self/pagemap", O_RDONLY);
    Fd pagemap(file < 0 ? -1 : static_cast<int>(file));
    uint64_t entry = 0;
    if (page >= 0 && pagemap)
        call(SYS_pread64, pagemap.get(), &entry, 8, static_cast<uint64_t>(page) / kPage * 8);
    if (page >= 0)
        call(SYS_munmap, page, kPage);
    return entry & kEntrySoftDirty;
}

} // namespace cr::sys
