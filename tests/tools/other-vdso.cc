// other-vdso DIR: changes the vDSO in every image of DIR so that it is no kernel's: one of its functions has
// another name. What a program can call by then stays where it is.
//
// Exit status: 0, 1 with a message, 2 when there was no vDSO.
#include "libcr/base/error.h"
#include "libcr/image/pages.h"
#include "libcr/image/reader.h"
#include "libcr/mm/plan.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace cr;

namespace
{

void rename_in(const image::Dir &dir, uint32_t pages_id, const mm::Fill &where)
{
    constexpr char kName[] = "__vdso_clock_getres";
    Fd pages(static_cast<int>(
        sys::check(sys::call(SYS_openat, dir.fd(), image::file_name(image::Kind::Pages, pages_id).c_str(),
                             O_RDWR | O_CLOEXEC),
                   "open pages")));
    std::vector<char> bytes(where.size);
    sys::pread_up_to(pages.get(), bytes.data(), bytes.size(), where.offset, "pages");
    void *name = memmem(bytes.data(), bytes.size(), kName, sizeof kName);
    if (!name)
        failed("find a function in the vDSO");
    size_t last = static_cast<size_t>(static_cast<char *>(name) - bytes.data()) + sizeof kName - 2;
    sys::check(sys::call(SYS_pwrite64, pages.get(), "x", 1, where.offset + last), "write pages");
}

int change_all(const image::Dir &dir)
{
    int count = 0;
    for (const auto &file : dir.files()) {
        if (file.kind != image::Kind::Mm)
            continue;
        auto mm = image::read_one<img::mm_entry>(dir, image::Kind::Mm, file.id);
        auto plan = mm::TaskPlan::read(dir, static_cast<pid_t>(file.id), mm);
        for (const auto &vma : mm.vmas())
            if (mm::has(vma, mm::kVmaVdso)) {
                auto stored = plan.contents(vma);
                if (stored.size() != 1)
                    failed("find the vDSO in one piece");
                rename_in(dir, plan.pagemap.sources[stored[0].source].pages_id, stored[0]);
                count++;
            }
    }
    return count;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::fprintf(stderr, "usage: other-vdso DIR\n");
        return 1;
    }
    try {
        return change_all(image::Dir::open(argv[1])) ? 0 : 2;
    } catch (const Error &e) {
        std::fprintf(stderr, "other-vdso: %s\n", e.what());
        return 1;
    }
}
