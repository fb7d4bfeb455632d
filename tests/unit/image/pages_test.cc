#include "libcr/base/error.h"
#include "libcr/image/dedup.h"
#include "libcr/image/pages.h"
#include "libcr/image/parent.h"
#include "pagemap.pb.h"
#include "unit/temp_dir.h"

#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <unistd.h>

using namespace cr;
using namespace cr::image;
using cr::test::TempDir;

namespace
{

img::pagemap_entry record(uint64_t vaddr, uint32_t nr_pages, uint32_t flags = kPagePresent)
{
    img::pagemap_entry e;
    e.set_vaddr(vaddr);
    e.set_compat_nr_pages(nr_pages);
    e.set_flags(flags);
    return e;
}

// A pagemap of these records over a pages file of so many pages; what reading it says.
std::string read_error(const std::vector<img::pagemap_entry> &records, uint64_t pages)
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    Writer writer(dir, Kind::Pagemap, 42);
    img::pagemap_head head;
    head.set_pages_id(1);
    writer.put(head);
    for (const auto &e : records)
        writer.put(e);
    writer.finish();
    Fd fd = dir.create_file(Kind::Pages, 1);
    REQUIRE(::ftruncate(fd.get(), pages * kPageSize) == 0);
    try {
        read_pagemap(dir, Kind::Pagemap, 42);
    } catch (const Error &e) {
        return e.what();
    }
    return {};
}

} // namespace

TEST_CASE("runs written are runs read, adjacent ones merged")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    PagemapWriter writer(dir, Kind::Pagemap, 42, 7);
    CHECK(writer.add(0x1000, 2) == 0);
    CHECK(writer.add(0x3000, 1) == 0x2000);
    CHECK(writer.add(0x4000, 1, kPageLazy) == 0x3000);
    CHECK(writer.add(0x8000, 4) == 0x3000);
    CHECK(writer.bytes() == 0x7000);
    REQUIRE(::ftruncate(writer.pages_fd(), 0x7000) == 0);
    writer.finish();

    Pagemap map = read_pagemap(dir, Kind::Pagemap, 42);
    CHECK(map.pages_id == 7);
    REQUIRE(map.runs.size() == 3);
    CHECK((map.runs[0].start == 0x1000 && map.runs[0].nr_pages == 3 && map.runs[0].offset == 0));
    CHECK((map.runs[1].start == 0x4000 && map.runs[1].nr_pages == 1 && map.runs[1].flags == kPageLazy));
    CHECK((map.runs[2].start == 0x8000 && map.runs[2].end() == 0xc000 && map.runs[2].offset == 0x3000));
    CHECK(open_pages(dir, 7).get() >= 0);
}

TEST_CASE("a pagemap without runs needs no pages") { CHECK(read_error({}, 0).empty()); }

TEST_CASE("entries of before the flags and the 64-bit count")
{
    img::pagemap_entry old;
    old.set_vaddr(0x1000);
    old.set_compat_nr_pages(3);
    CHECK(read_error({old}, 3).empty());
    CHECK_THAT(read_error({old}, 2), Catch::Contains("3 pages where pages-1.img has 2 more"));
    old.set_in_parent(true);
    CHECK_THAT(read_error({old}, 3), Catch::Contains("parent directory"));
}

TEST_CASE("wrong pagemaps are told")
{
    using Catch::Contains;
    CHECK_THAT(read_error({record(0x1001, 1)}, 1),
               Contains("pagemap-42.img: record 2: vaddr 0x1001 is not at a page"));
    CHECK_THAT(read_error({record(0x1000, 0)}, 1), Contains("nr_pages is 0"));
    CHECK_THAT(read_error({record(0x2000, 1), record(0x1000, 1)}, 2),
               Contains("record 3: vaddr 0x1000 is before"));
    CHECK_THAT(read_error({record(0x1000, 2), record(0x2000, 1)}, 3), Contains("is before the end"));
    CHECK_THAT(read_error({record(0x1000, 1, 8)}, 1), Contains("flags 0x8 are not known"));
    CHECK_THAT(read_error({record(0x1000, 1, kPageParent)}, 1),
               Contains("parent directory, and there is none"));
    CHECK_THAT(read_error({record(0x1000, 1, kPageParent | kPagePresent)}, 1), Contains("both"));
    CHECK_THAT(read_error({record(0x1000, 1), record(0x4000, 2)}, 2),
               Contains("2 pages where pages-1.img has 1 more"));
    CHECK_THAT(read_error({record(0xfffffffffffff000, 2)}, 2), Contains("end of the address space"));
    auto huge = record(0x1000, 1);
    huge.set_nr_pages(uint64_t{1} << 63);
    CHECK_THAT(read_error({huge}, 1), Contains("end of the address space"));
    huge.set_nr_pages(uint64_t{1} << 51);
    CHECK_THAT(read_error({huge}, 1), Contains("pages-1.img has 1 more"));
}

TEST_CASE("missing halves are told")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    CHECK_THROWS_WITH(read_pagemap(dir, Kind::Pagemap, 42), "pagemap-42.img: is missing");
    PagemapWriter writer(dir, Kind::PagemapShmem, 42, 7);
    writer.add(0, 1);
    writer.finish();
    ::unlink(temp.file("pages-7.img").c_str());
    CHECK_THROWS_WITH(read_pagemap(dir, Kind::PagemapShmem, 42), "pages-7.img: is missing");
}

namespace
{

// Runs {first page, number, flags} of pagemap-42 in a directory of its own below `root`.
Dir chained(const std::string &root, const std::string &name, const std::string &parent,
            const std::vector<std::array<uint64_t, 3>> &runs)
{
    Dir dir = Dir::create(root + "/" + name);
    if (!parent.empty())
        link_parent(dir, parent);
    PagemapWriter writer(dir, Kind::Pagemap, 42, 1);
    for (const auto &run : runs)
        writer.add(run[0] * kPageSize, run[1], static_cast<uint32_t>(run[2]));
    REQUIRE(::ftruncate(writer.pages_fd(), static_cast<off_t>(writer.bytes())) == 0);
    writer.finish();
    return dir;
}

} // namespace

TEST_CASE("pages of parents are found through the whole chain, and after all was moved")
{
    TempDir temp;
    std::string root = temp.path() + "/a";
    Dir top = Dir::create(root);
    chained(root, "one", "", {{1, 10, kPagePresent}});
    chained(root, "two", "../one", {{1, 4, kPageParent}, {5, 2, kPagePresent}, {7, 4, kPageParent}});
    Dir last = chained(root, "three", "../two", {{1, 1, kPagePresent}, {2, 6, kPageParent}});
    std::string moved = temp.path() + "/b";
    REQUIRE(::rename(root.c_str(), moved.c_str()) == 0);
    last = Dir::open(moved + "/three");

    Pagemap map = read_pagemap(last, Kind::Pagemap, 42);
    REQUIRE(map.sources.size() == 3);
    CHECK(path_of(map.sources[2]) == "parent/parent/pages-1.img");
    REQUIRE(map.runs.size() == 4);
    auto is = [&](size_t i, uint64_t page, uint64_t pages, uint32_t source, uint64_t offset) {
        const PageRun &run = map.runs[i];
        return run.present() && run.start == page * kPageSize && run.nr_pages == pages &&
               run.source == source && run.offset == offset * kPageSize;
    };
    CHECK(is(0, 1, 1, 0, 0));
    CHECK(is(1, 2, 3, 2, 1));
    CHECK(is(2, 5, 2, 1, 0));
    CHECK(is(3, 7, 1, 2, 6));
    CHECK(open_all_pages(last, map)[2].get() >= 0);
    CHECK(read_own_pagemap(last, Kind::Pagemap, 42).runs.size() == 2);

    // Freed: in the first what the second has, and what the third has.
    CHECK(free_superseded(last) == 3);
}

TEST_CASE("a chain of directories that does not hold is told")
{
    TempDir temp;
    chained(temp.path(), "one", "", {{1, 2, kPagePresent}});
    Dir two = chained(temp.path(), "two", "../one", {{1, 3, kPageParent}});
    CHECK_THROWS_WITH(read_pagemap(two, Kind::Pagemap, 42),
                      Catch::Contains("not in the parent directory either"));
    CHECK_THROWS_WITH(link_parent(two, "../two"), Catch::Contains("in the directory of the new ones"));
    Dir one = chained(temp.path(), "one", "../two", {{1, 3, kPageParent}});
    CHECK_THROWS_WITH(read_pagemap(one, Kind::Pagemap, 42), Catch::Contains("in a circle"));
}

TEST_CASE("pages of other tasks are found in theirs")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    PagemapWriter theirs(dir, Kind::Pagemap, 41, 3);
    theirs.add(0x1000, 2);
    theirs.add(0x8000, 4);
    REQUIRE(::ftruncate(theirs.pages_fd(), 6 * kPageSize) == 0);
    theirs.finish();
    PagemapWriter ours(dir, Kind::Pagemap, 42, 4);
    ours.add_of_task(0x1000, 1, 41, 0x2000);
    ours.add_of_task(0x2000, 1, 41, 0x8000);
    ours.add_of_task(0x3000, 1, 41, 0x9000);
    ours.add(0x4000, 1);
    REQUIRE(::ftruncate(ours.pages_fd(), kPageSize) == 0);
    ours.finish();
    CHECK(shares_pages(dir));

    Pagemap map = read_pagemap(dir, Kind::Pagemap, 42);
    REQUIRE(map.runs.size() == 3);
    CHECK((map.runs[0].present() && map.runs[0].nr_pages == 1 && map.runs[0].offset == kPageSize));
    CHECK((map.runs[1].present() && map.runs[1].nr_pages == 2 && map.runs[1].offset == 2 * kPageSize));
    CHECK((map.runs[2].offset == 0 && map.runs[2].source == 0));
    CHECK(map.sources[map.runs[0].source] == PagesFile{0, 3});

    // An older directory of such a dump keeps its pages.
    Dir next = Dir::create(temp.path() + "/next");
    link_parent(next, "..");
    PagemapWriter newer(next, Kind::Pagemap, 41, 1);
    newer.add(0x1000, 2);
    REQUIRE(::ftruncate(newer.pages_fd(), 2 * kPageSize) == 0);
    newer.finish();
    CHECK_THROWS_WITH(free_superseded(next), Catch::Contains("tasks have pages of each other"));
}

TEST_CASE("pages of other tasks that are not there are told")
{
    using Catch::Contains;
    auto of = [](uint64_t task, uint64_t at, uint32_t flags = kPageOfTask) {
        img::pagemap_entry out = record(0x5000, 2, flags);
        out.set_cr_of(task);
        out.set_cr_at(at);
        return out;
    };
    img::pagemap_entry own = record(0x1000, 3);
    CHECK(read_error({own, of(42, 0x2000)}, 3).empty());
    CHECK_THAT(read_error({own, of(42, 0x3000)}, 3), Contains("does not have its pages at 0x3000"));
    CHECK_THAT(read_error({own, of(42, 0x5000)}, 3), Contains("does not have its pages at 0x5000"));
    CHECK_THAT(read_error({own, of(43, 0x1000)}, 3), Contains("pagemap-43.img, which has some of its pages, is missing"));
    CHECK_THAT(read_error({own, of(42, 0x2001)}, 3), Contains("has no 2 pages at 0x2001"));
    CHECK_THAT(read_error({own, of(42, 0xfffffffffffff000)}, 3), Contains("has no 2 pages"));
    CHECK_THAT(read_error({own, of(42, 0x2000, kPageOfTask | kPagePresent)}, 5), Contains("elsewhere"));
}

TEST_CASE("long chains")
{
    TempDir temp;
    chained(temp.path(), "0", "", {{1, 2, kPagePresent}});
    for (int i = 1; i < 60; i++)
        chained(temp.path(), std::to_string(i), "../" + std::to_string(i - 1), {{1, 2, kPageParent}});
    Dir last = Dir::open(temp.path() + "/59");
    Pagemap map = read_pagemap(last, Kind::Pagemap, 42);
    CHECK((map.runs.size() == 1 && map.runs[0].source == 59));
    CHECK(open_all_pages(last, map)[59].get() >= 0);
}
