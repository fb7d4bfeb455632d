#include "libcr/base/error.h"
#include "libcr/image/reader.h"
#include "libcr/mm/check.h"
#include "unit/mm/space.h"

#include <catch2/catch.hpp>

using namespace cr;
using namespace cr::mm;
using cr::test::kAt;
using cr::test::space;
using cr::test::vma;

namespace
{

std::string layout_error(const img::mm_entry &mm)
{
    try {
        check_layout(mm, [](uint32_t id) { return id == 1; });
    } catch (const Error &e) {
        return e.what();
    }
    return {};
}

std::string with(void (*change)(img::vma_entry &))
{
    auto v = vma(kAt, 4);
    change(v);
    return layout_error(space(v));
}

bool contains(const std::string &text, const std::string &part)
{
    return text.find(part) != std::string::npos;
}

image::Pagemap pagemap(std::vector<std::pair<uint64_t, uint64_t>> runs)
{
    image::Pagemap out;
    for (auto [start, pages] : runs)
        out.runs.push_back({start, pages, image::kPagePresent, 0});
    return out;
}

} // namespace

TEST_CASE("a sound address space passes")
{
    auto file = vma(kAt + 0x100000, 2, 0x41, MAP_PRIVATE);
    file.set_shmid(1);
    auto vsyscall = vma(kVsyscall, 1, 0x204);
    CHECK(layout_error(space(vma(kAt, 4), vma(kAt + 0x4000, 4), file, vsyscall)) == "");
}

TEST_CASE("areas must be sorted, whole, apart and within the address space")
{
    CHECK(contains(layout_error(space()), "no areas"));
    CHECK(contains(layout_error(space(vma(kAt, 4), vma(kAt + 0x3000, 1))), "overlaps"));
    CHECK(contains(layout_error(space(vma(kAt + 0x8000, 1), vma(kAt, 1))), "overlaps"));
    CHECK(contains(with([](auto &v) { v.set_start(kAt + 1); }), "whole pages"));
    CHECK(contains(with([](auto &v) { v.set_end(v.start()); }), "whole pages"));
    CHECK(contains(with([](auto &v) { v.set_end(kTaskSize + kPageSize); }), "above"));
    CHECK(contains(
        with([](auto &v) { v.set_start(0xfffffffffffff000 - 0x1000), v.set_end(0xfffffffffffff000); }),
        "above"));
    CHECK(contains(layout_error(space(vma(0xffffffff00000000, 1, 0x204))), "vsyscall"));
}

TEST_CASE("kinds, flags and references must make sense")
{
    CHECK(contains(with([](auto &v) { v.set_status(1); }), "does not say what it maps"));
    CHECK(contains(with([](auto &v) { v.set_status(0x241); }), "does not say what it maps"));
    CHECK(contains(with([](auto &v) { v.set_status(0x100201); }), "is not known"));
    CHECK(contains(with([](auto &v) { v.set_status(0x601); }), "contradicts"));
    CHECK(contains(with([](auto &v) { v.set_flags(MAP_SHARED | MAP_ANONYMOUS); }), "do not fit"));
    CHECK(
        contains(with([](auto &v) { v.set_flags(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED); }), "do not fit"));
    CHECK(contains(with([](auto &v) { v.set_flags(v.flags() | MAP_HUGETLB); }), "not made of pages"));
    CHECK(contains(with([](auto &v) { v.set_prot(8); }), "prot"));
    CHECK(contains(with([](auto &v) { v.set_madv(1ull << MADV_DONTNEED); }), "madv"));
    CHECK(contains(with([](auto &v) { v.set_cr_flags(64); }), "cr_flags"));
    CHECK(contains(with([](auto &v) { v.set_pgoff(5); }), "pgoff"));
    CHECK(contains(with([](auto &v) { v.set_pgoff(0x7ffffffffffff000); }), "pgoff"));
    CHECK(contains(with([](auto &v) { v.set_status(0x41), v.set_flags(MAP_PRIVATE), v.set_shmid(2); }),
                   "file 2"));
    CHECK(contains(
        with([](auto &v) { v.set_status(0x41), v.set_flags(MAP_PRIVATE), v.set_shmid(1ull << 32 | 1); }),
        "file 4294967297"));
    auto mm = space(vma(kAt, 1));
    mm.set_exe_file_id(3);
    CHECK(contains(layout_error(mm), "exe_file_id 3"));
    CHECK(
        contains(layout_error(space(vma(kAt, 1, 0x209), vma(kAt + 0x1000, 1, 0x209))), "more than one vDSO"));
}

TEST_CASE("CRIU's internal marks are ignored")
{
    CHECK(with([](auto &v) { v.set_status(0x201 | 1u << 28); }) == "");
}

TEST_CASE("address spaces that CRIU wrote pass, or are refused for what they hold")
{
    image::Dir dir = image::Dir::open(SOURCE_DIR "/tests/unit/image/criu-3.17.1");
    auto error = [&](uint64_t pid) {
        auto mm = image::read_one<img::mm_entry>(dir, image::Kind::Mm, pid);
        try {
            check_layout(mm, [](uint32_t) { return true; });
        } catch (const Error &e) {
            return std::string(e.what());
        }
        return std::string();
    };
    CHECK(error(168) == "");
    CHECK(error(169) == "");
    CHECK(error(163) == "");
}

TEST_CASE("stored pages lie in areas with pages of their own")
{
    auto shared = vma(kAt + 0x8000, 4, 0x101, MAP_SHARED | MAP_ANONYMOUS);
    auto mm = space(vma(kAt, 4), vma(kAt + 0x4000, 4), shared, vma(kAt + 0x10000, 2));
    CHECK_NOTHROW(check_pages(mm, pagemap({})));
    CHECK_NOTHROW(check_pages(mm, pagemap({{kAt, 8}})));
    CHECK_NOTHROW(check_pages(mm, pagemap({{kAt + 0x1000, 1}, {kAt + 0x3000, 2}, {kAt + 0x10000, 2}})));
    CHECK_THROWS_AS(check_pages(mm, pagemap({{kAt, 9}})), Error);
    CHECK_THROWS_AS(check_pages(mm, pagemap({{kAt - 0x1000, 2}})), Error);
    CHECK_THROWS_AS(check_pages(mm, pagemap({{kAt + 0x8000, 1}})), Error);
    CHECK_THROWS_AS(check_pages(mm, pagemap({{kAt + 0x11000, 2}})), Error);
    CHECK_THROWS_AS(check_pages(mm, pagemap({{0x1000, 1}})), Error);
}
