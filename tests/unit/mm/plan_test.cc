#include "libcr/base/error.h"
#include "libcr/mm/plan.h"
#include "libcr/mm/restore.h"
#include "libcr/program/print.h"
#include "libcr/sys/vdso.h"
#include "unit/mm/plans.h"
#include "unit/mm/space.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <unistd.h>

using namespace cr;
using namespace cr::mm;
using cr::test::kAt;
using cr::test::Plans;
using cr::test::space;
using cr::test::vma;

namespace
{

Range pages(uint64_t first, uint64_t n)
{
    return {TargetAddr(kAt + first * kPageSize), TargetAddr(kAt + (first + n) * kPageSize)};
}

std::vector<std::pair<uint64_t, uint64_t>> places(const TaskPlan::Part &part)
{
    std::vector<std::pair<uint64_t, uint64_t>> out;
    for (const Fill &fill : part.fills)
        out.push_back({(fill.to.value - kAt) / kPageSize, fill.size / kPageSize});
    return out;
}

std::string printed(const std::function<void(task::Build &)> &build)
{
    program::Region region;
    auto program = std::make_unique<program::Program>("pid 42");
    auto opener = program->sys(SYS_getpid, {});
    task::Build b(region, *program, 42, 42, opener);
    build(b);
    auto id = region.add(std::move(program));
    return program::print(region, id);
}

bool contains(const std::string &text, const std::string &part)
{
    return text.find(part) != std::string::npos;
}

const Sources kSources{[](uint32_t id) { return static_cast<int>(100 + id); }, [](uint64_t) { return 200; },
                       [](uint64_t) { return 8192; }, 50};

} // namespace

TEST_CASE("contents of an area are its part of the runs")
{
    Plans plan;
    auto mm = space(vma(kAt, 4), vma(kAt + 4 * kPageSize, 4));
    auto p = plan(mm, {{kAt + 3 * kPageSize, 1}, {kAt + 4 * kPageSize, 2}, {kAt + 7 * kPageSize, 3}});
    auto first = p.contents(mm.vmas(0)), second = p.contents(mm.vmas(1));
    REQUIRE(first.size() == 1);
    CHECK(first[0].offset == 0);
    REQUIRE(second.size() == 2);
    CHECK(second[0].to == TargetAddr(kAt + 4 * kPageSize));
    CHECK(second[0].offset == kPageSize);
    CHECK(second[1].offset == 2 * kPageSize);
    decide_fills(p);
    CHECK(p.early.fills.empty());
    CHECK(places(p.late) == std::vector<std::pair<uint64_t, uint64_t>>{{3, 2}, {7, 1}});
}

TEST_CASE("a child inherits equal areas and changes the pages that differ")
{
    Plans plan;
    auto mm = space(vma(kAt, 16));
    auto parent = plan(mm, {{kAt, 1}, {kAt + 0x1000, 2}, {kAt + 0x3000, 3}, {kAt + 0x8000, 4}});
    auto child = plan(mm, {{kAt, 1}, {kAt + 0x1000, 9}, {kAt + 0x2000, 8}, {kAt + 0x8000, 4}});
    inherit(child, parent);
    REQUIRE(child.areas[0].inherited);
    CHECK(parent.areas[0].early);
    CHECK_FALSE(parent.areas[0].inherited);
    CHECK(child.areas[0].differing == std::vector{pages(1, 2)});
    CHECK(child.areas[0].absent == std::vector{pages(3, 1)});
    decide_fills(child);
    decide_fills(parent);
    CHECK(places(child.early) == std::vector<std::pair<uint64_t, uint64_t>>{{1, 2}});
    CHECK(child.late.fills.empty());
    CHECK(parent.early.fills.size() == 3);
    CHECK(parent.late.fills.empty());
}

TEST_CASE("areas that are not the same, or do not survive a fork, are not inherited")
{
    Plans plan;
    auto other_prot = vma(kAt, 4, 0x201, MAP_PRIVATE | MAP_ANONYMOUS, PROT_READ);
    auto not_forked = vma(kAt, 4);
    not_forked.set_madv(1 << MADV_DONTFORK);
    auto plain = space(vma(kAt, 4)), longer = space(vma(kAt, 5)), read = space(other_prot),
         kept = space(not_forked);
    for (auto [a, b] : {std::pair(&plain, &longer), std::pair(&plain, &read), std::pair(&kept, &kept)}) {
        auto parent = plan(*a, {}), child = plan(*b, {});
        inherit(child, parent);
        CHECK_FALSE(child.areas[0].inherited);
        CHECK_FALSE(parent.areas[0].early);
    }
    auto elsewhere = plain;
    elsewhere.set_exe_file_id(2);
    auto parent = plan(plain, {}), child = plan(elsewhere, {});
    inherit(child, parent);
    CHECK_FALSE(child.areas[0].inherited);
}

TEST_CASE("an area with wholly other contents is better not inherited")
{
    Plans plan;
    auto mm = space(vma(kAt, 200));
    std::map<uint64_t, int> a, b;
    for (int i = 0; i < 200; i++) {
        a[kAt + i * kPageSize] = 1;
        b[kAt + i * kPageSize] = 2;
    }
    auto parent = plan(mm, a), child = plan(mm, b);
    inherit(child, parent);
    CHECK_FALSE(child.areas[0].inherited);
    CHECK(child.areas[0].differing.empty());
}

TEST_CASE("the vDSO of another kernel stays, as memory")
{
    Plans plan;
    auto vvar = vma(kAt, 1, 0x1201), code = vma(kAt + kPageSize, 2, 0x209);
    auto mm = space(vvar, code);
    auto own = sys::own_vdso();
    TargetAddr at(0x7fff00000000);
    VdsoPlace host;
    host.pieces = {{at, at + kPageSize}, {at + kPageSize, at + 3 * kPageSize}};
    host.vdso = host.pieces[1];

    auto same = plan(mm, {}); // not stored
    decide_vdso(same, host, own);
    CHECK(same.vdso.start() == TargetAddr(kAt));
    CHECK(same.areas.empty());

    auto unknown = plan(mm, {{kAt + kPageSize, 1}}); // what is stored is no vDSO
    CHECK_THROWS_AS(decide_vdso(unknown, host, own), Error);
    host.pieces.push_back({host.end(), host.end() + kPageSize});
    auto smaller = plan(mm, {});
    CHECK_THROWS_AS(decide_vdso(smaller, host, own), Error);
    auto none = plan(mm, {});
    CHECK_THROWS_AS(decide_vdso(none, VdsoPlace{}, own), Error);
    auto empty = space(vma(kAt + 0x100000, 1));
    auto without = plan(empty, {});
    decide_vdso(without, VdsoPlace{}, own);
    CHECK(without.vdso.empty());
}

TEST_CASE("what a task is made of, as operations")
{
    Plans plan;
    auto file = vma(kAt + 0x100000, 2, 0x41, MAP_PRIVATE, PROT_READ);
    file.set_shmid(1);
    file.set_pgoff(0x3000);
    auto locked = vma(kAt + 0x200000, 1, 0x201, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, PROT_READ);
    locked.set_cr_flags(kVmaLockOnFault | kVmaAccounted);
    locked.set_madv(1 << MADV_DONTDUMP);
    auto mm = space(vma(kAt, 4), file, locked);
    auto p = plan(mm, {{kAt + 0x1000, 1}, {kAt + 0x100000, 2}});
    decide_fills(p);

    std::string text = printed([&](task::Build &b) { map_late(b, p, kSources); });
    CHECK(contains(text, "mmap(0x7f0000000000, 16384, PROT_READ|PROT_WRITE, MAP_PRIVATE|"));
    // written to first, and only then what it is: read only
    CHECK(contains(text, "mmap(0x7f0000100000, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|"));
    CHECK(contains(text, "pages-7.img"));
    CHECK(contains(text, "preadv("));
    CHECK_FALSE(contains(text, "MAP_LOCKED"));

    text = printed([&](task::Build &b) { finish(b, p); });
    CHECK(contains(text, "mprotect(0x7f0000100000, 8192, PROT_READ)"));
    CHECK(contains(text, "mprotect(0x7f0000200000, 4096, PROT_READ)"));
    CHECK_FALSE(contains(text, "mprotect(0x7f0000000000"));
    CHECK(contains(text, "madvise(0x7f0000200000, 4096, "));
    CHECK(contains(text, "mlock2(0x7f0000200000, 4096, 1)"));
}

TEST_CASE("the first task unmaps everything around the region and the vDSO")
{
    Plans plan;
    auto mm = space(vma(kAt, 4));
    auto p = plan(mm, {});
    decide_fills(p);
    VdsoPlace host;
    TargetAddr at(0x7fff00000000), region(0x100000000);
    host.pieces = {{at, at + 0x4000}, {at + 0x4000, at + 0x6000}};
    host.vdso = host.pieces[1];
    std::string text = printed([&](task::Build &b) {
        begin_first(b, p, {{region, region + 0x10000}, region + 0x10000}, host, kSources);
    });
    CHECK(contains(text, "munmap(0, 4294967296)"));
    CHECK(contains(text, "munmap(0x100010000, "));
    CHECK(contains(text, "munmap(0x7fff00006000, "));
    CHECK(contains(text, "munmap(0x7fff00000000, 24576)")); // the image has no vDSO
    CHECK_FALSE(contains(text, "mremap"));
}

TEST_CASE("a child unmaps only what its cloner has and it has not")
{
    Plans plan;
    auto other = vma(kAt + 0x100000, 4), mine = vma(kAt, 4);
    auto mm = space(mine, other), less = space(mine);
    auto parent = plan(mm, {{kAt, 1}}), child = plan(less, {{kAt, 1}}), sibling = plan(mm, {{kAt, 1}});
    inherit(child, parent);
    inherit(sibling, parent);
    for (auto *p : {&parent, &child, &sibling})
        decide_fills(*p);
    Frame frame{{TargetAddr(0x100000000), TargetAddr(0x100010000)}, TargetAddr(0x100010000)};
    std::string text =
        printed([&](task::Build &b) { begin_from_cloner(b, child, parent, frame, kSources); });
    CHECK(contains(text, "munmap(0x7f0000004000, "));
    CHECK_FALSE(contains(text, "munmap(0, "));
    CHECK_FALSE(contains(text, "prctl"));
    text = printed([&](task::Build &b) { begin_from_cloner(b, sibling, parent, frame, kSources); });
    CHECK_FALSE(contains(text, "munmap"));
}
