#include "libcr/mm/check.h"
#include "libcr/mm/place.h"
#include "unit/mm/space.h"

#include <catch2/catch.hpp>

using namespace cr;
using namespace cr::mm;
using cr::test::kAt;
using cr::test::space;
using cr::test::vma;

TEST_CASE("a free range is free in all address spaces and keeps its distance")
{
    auto a = space(vma(0x400000, 16), vma(kAt, 100)),
         b = space(vma(0x550000000000, 16), vma(kAt + 0x1000, 100));
    const img::mm_entry *both[] = {&a, &b};
    auto at = free_range(both, {}, 1 << 20);
    REQUIRE(at);
    CHECK(at->value % kPageSize == 0);
    CHECK(*at > TargetAddr(0x410000));
    CHECK(*at + (1 << 20) < TargetAddr(0x550000000000));

    Range taken[] = {{*at, *at + kPageSize}};
    auto other = free_range(both, taken, 1 << 20);
    REQUIRE(other);
    CHECK((*other + (1 << 20) <= taken[0].start || *other >= taken[0].end));
}

TEST_CASE("no place where there is none")
{
    auto full = space(vma(1 << 20, (kTaskSize - (2 << 20)) / kPageSize));
    const img::mm_entry *spaces[] = {&full};
    CHECK_FALSE(free_range(spaces, {}, kPageSize));
    CHECK_FALSE(free_range({}, {}, kTaskSize));
    CHECK(free_range({}, {}, kPageSize));
}
