#include "libcr/mm/area_flags.h"

#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <unistd.h>

using namespace cr;

TEST_CASE("flags as the kernel numbers them")
{
    CHECK(*proc::vm_flags_of(0x100073) == proc::parse_vm_flags("rd wr mr mw me ac"));
    CHECK(*proc::vm_flags_of(0x80042000) == proc::parse_vm_flags("lo de mg"));
    CHECK(!proc::vm_flags_of(1ull << 11));
    CHECK(!proc::vm_flags_of(1ull << 24));
    CHECK(!proc::vm_flags_of(1ull << 32));
}

TEST_CASE("flags are given to the very areas that they are of")
{
    auto areas = proc::parse_maps("1000-3000 rw-p 0 00:00 0\n"
                                  "5000-6000 r--p 0 00:00 0\n"
                                  "ffffffffff600000-ffffffffff601000 --xp 0 00:00 0 [vsyscall]\n");
    std::vector<sys::AreaFlags> flags = {{0x1000, 0x3000, 0x73}, {0x5000, 0x6000, 0x71}};
    REQUIRE(mm::set_flags(areas, flags));
    CHECK(areas[0].flags.has(proc::VmFlag::wr));
    CHECK(!areas[1].flags.has(proc::VmFlag::wr));
    flags[1].end = 0x7000;
    CHECK(!mm::set_flags(areas, flags));
    flags[1] = {0x5000, 0x6000, 1ull << 40};
    CHECK(!mm::set_flags(areas, flags));
    flags.pop_back();
    CHECK(!mm::set_flags(areas, flags));
    flags = {{0x1000, 0x3000, 0x73}, {0x5000, 0x6000, 0x71}, {0x8000, 0x9000, 0x71}};
    CHECK(!mm::set_flags(areas, flags));
}

TEST_CASE("flags by BPF are those of smaps")
{
    mm::FlagReader reader;
    if (!reader.there()) {
        WARN("no BPF iterator here (CAP_BPF, CAP_PERFMON, /sys/kernel/btf/vmlinux)");
        return;
    }
    constexpr size_t kPage = 4096;
    auto map = [](int protection, int flags) {
        return ::mmap(nullptr, 4 * kPage, protection, MAP_ANONYMOUS | flags, -1, 0);
    };
    std::vector<void *> mine;
    for (int advice : {MADV_DONTFORK, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WIPEONFORK, MADV_DONTDUMP, MADV_HUGEPAGE,
                       MADV_NOHUGEPAGE, MADV_MERGEABLE}) {
        mine.push_back(map(PROT_READ | PROT_WRITE, MAP_PRIVATE));
        ::madvise(mine.back(), 4 * kPage, advice); // what this kernel lacks is no less equal
    }
    mine.push_back(map(PROT_NONE, MAP_PRIVATE | MAP_NORESERVE));
    mine.push_back(map(PROT_READ, MAP_SHARED));
    mine.push_back(map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_GROWSDOWN));
    ::mlock(mine.back(), kPage);

    proc::PidDir self(::getpid());
    std::vector<proc::Area> by_smaps = proc::read_smaps(self);
    auto flags = reader.of(::getpid());
    REQUIRE(flags);
    size_t found = 0;
    for (const sys::AreaFlags &each : *flags)
        for (const proc::Area &area : by_smaps)
            if (area.start.value == each.start && area.end.value == each.end) {
                INFO(area.path << " " << std::hex << each.start << " " << each.flags);
                CHECK(proc::vm_flags_of(each.flags) == area.flags);
                found++;
            }
    CHECK(found >= mine.size());
    for (void *area : mine)
        ::munmap(area, 4 * kPage);
}
