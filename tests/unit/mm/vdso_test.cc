#include "libcr/base/error.h"
#include "libcr/mm/vdso.h"
#include "unit/mm/space.h"

#include <catch2/catch.hpp>
#include <cstring>
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

TEST_CASE("the running kernel's vDSO is an ELF with an unused end")
{
    auto image = bytes();
    REQUIRE_FALSE(image.empty());
    CHECK(elf_extent(image) > 1000);
    CHECK(elf_extent(image) <= image.size());
    CHECK(same_vdso(image, image));
    auto patched = image;
    patched.back() ^= 1; // the unused end does not count
    if (elf_extent(image) < image.size())
        CHECK(same_vdso(patched, image));
}

TEST_CASE("bytes that are no ELF count as a whole, and compare as bytes")
{
    std::vector<uint8_t> junk(8192, 7), header(8192);
    CHECK(elf_extent(junk) == junk.size());
    CHECK(elf_extent({}) == 0);
    auto image = bytes();
    std::memcpy(header.data(), image.data(), 64); // program headers out of nowhere
    std::memset(header.data() + 32, 0xff, 16);
    CHECK(elf_extent(header) == header.size());
    CHECK_FALSE(same_vdso(junk, std::vector<uint8_t>(8192, 8)));
    CHECK_FALSE(same_vdso(std::vector<uint8_t>(4096, 7), junk));
}

TEST_CASE("the pieces go where the image has them")
{
    auto vvar = vma(kAt, 6, 0x1201), code = vma(kAt + 0x6000, 2, 0x209);
    VdsoPlace place = place_vdso(space(vvar, code), host());
    REQUIRE(place.pieces.size() == 3);
    CHECK(place.pieces[1] == Range{TargetAddr(kAt + 0x4000), TargetAddr(kAt + 0x6000)});
    CHECK(place.vdso == Range{TargetAddr(kAt + 0x6000), TargetAddr(kAt + 0x8000)});
    CHECK(place_vdso(space(vma(kAt, 1)), host()).empty());
}

TEST_CASE("a vDSO of another size or order is refused")
{
    auto code = vma(kAt + 0x6000, 2, 0x209);
    CHECK_THROWS_AS(place_vdso(space(vma(kAt + 0x2000, 4, 0x1201), code), host()), Error);
    CHECK_THROWS_AS(place_vdso(space(code), host()), Error);
    CHECK_THROWS_AS(place_vdso(space(vma(kAt, 2, 0x209), vma(kAt + 0x2000, 6, 0x1201)), host()), Error);
    CHECK_THROWS_AS(place_vdso(space(vma(kAt, 6, 0x1201), code), VdsoPlace{}), Error);
}
