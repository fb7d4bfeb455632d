#include "libcr/base/error.h"
#include "libcr/image/pages.h"
#include "pagemap.pb.h"
#include "unit/temp_dir.h"

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
    CHECK_THAT(read_error({record(0x1000, 1, kPageParent)}, 1), Contains("incremental checkpoints"));
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
