#include "libcr/base/error.h"
#include "libcr/mm/vdso.h"
#include "libcr/sys/vdso.h"
#include "unit/mm/space.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <unistd.h>

using namespace cr;
using namespace cr::mm;
using cr::test::kAt;
using cr::test::space;
using cr::test::vma;

namespace
{

VdsoPlace ours() { return find_vdso(proc::read_maps(proc::PidDir(getpid()))); }

std::vector<uint8_t> bytes()
{
    auto vdso = ours().vdso;
    auto *at = reinterpret_cast<const uint8_t *>(vdso.start.value);
    return {at, at + vdso.size()};
}

VdsoPlace host() // as Linux 6.18 has it
{
    TargetAddr at(0x7fff00000000);
    VdsoPlace out;
    out.pieces = {{at, at + 0x4000}, {at + 0x4000, at + 0x6000}, {at + 0x6000, at + 0x8000}};
    out.vdso = out.pieces[2];
    return out;
}

} // namespace

TEST_CASE("what injected code leaves in the vDSO is not stored")
{
    auto image = bytes();
    REQUIRE_FALSE(image.empty());
    auto extent = sys::vdso_extent(image);
    auto used = image;
    std::fill(used.begin() + static_cast<ptrdiff_t>(extent.segments), used.end(), 0xcc);
    CHECK(complete_vdso(used, image) == image);
    CHECK(same_vdso(used, image));
    auto other = image; // one of another kernel, whose section headers only its image knows
    other[extent.segments - 1] ^= 1;
    auto stored = complete_vdso(other, used);
    CHECK(stored == other);
}

TEST_CASE("bytes that are no ELF are stored as they are, and compared as bytes")
{
    std::vector<uint8_t> junk(8192, 7);
    CHECK(complete_vdso(junk, bytes()) == junk);
    CHECK(complete_vdso({}, bytes()).empty());
    CHECK_FALSE(same_vdso(junk, std::vector<uint8_t>(8192, 8)));
    CHECK_FALSE(same_vdso(std::vector<uint8_t>(4096, 7), junk));
}

TEST_CASE("the pieces go where the image has them")
{
    auto vvar = vma(kAt, 6, 0x1201), code = vma(kAt + 0x6000, 2, 0x209);
    auto place = same_place(space(vvar, code), host()).value();
    REQUIRE(place.pieces.size() == 3);
    CHECK(place.pieces[1] == Range{TargetAddr(kAt + 0x4000), TargetAddr(kAt + 0x6000)});
    CHECK(place.vdso == Range{TargetAddr(kAt + 0x6000), TargetAddr(kAt + 0x8000)});
    auto one = vma(kAt, 4, 0x1201), two = vma(kAt + 0x4000, 2, 0x1201);
    CHECK(same_place(space(one, two, code), host()).has_value());
}

TEST_CASE("a vDSO of another size or order has no place there")
{
    auto code = vma(kAt + 0x6000, 2, 0x209);
    CHECK_FALSE(same_place(space(vma(kAt, 1)), host()));
    CHECK_FALSE(same_place(space(vma(kAt + 0x2000, 4, 0x1201), code), host()));
    CHECK_FALSE(same_place(space(code), host()));
    CHECK_FALSE(same_place(space(vma(kAt, 2, 0x209), vma(kAt + 0x2000, 6, 0x1201)), host()));
    CHECK_FALSE(same_place(space(vma(kAt, 6, 0x1201), code), VdsoPlace{}));
}
