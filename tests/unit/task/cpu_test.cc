#include "libcr/task/cpu.h"

#include "../temp_dir.h"
#include "libcr/base/error.h"
#include "libcr/image/writer.h"

#include <catch2/catch.hpp>

using namespace cr;
using namespace cr::task;
using cr::test::TempDir;

namespace
{

using Names = std::vector<std::string>;

// A CPU with all of AVX-512 and nothing else.
img::cpuinfo_entry made_up(uint64_t components = 0xe7)
{
    img::cpuinfo_entry all;
    img::cpuinfo_x86_entry &out = *all.add_x86_entry();
    out.set_vendor_id(img::cpuinfo_x86_entry::INTEL);
    out.set_cpu_family(6);
    out.set_model(85);
    out.set_stepping(4);
    out.set_capability_ver(2);
    for (int i = 0; i < 19; i++)
        out.add_capability(0);
    out.set_capability(4, 1u << 28 | 1u << 27);
    out.set_capability(9, 1u << 5 | 1u << 16);
    out.set_xfeatures_mask(components);
    return all;
}

Names missing(const img::cpuinfo_entry &there, const img::cpuinfo_entry &here, uint32_t parts)
{
    return lacking(there.x86_entry(0), here.x86_entry(0), parts);
}

} // namespace

TEST_CASE("a CPU lacks nothing of itself", "[cpu]")
{
    CHECK(missing(this_cpu(), this_cpu(), kCpuEverything).empty());
    CHECK(this_cpu().x86_entry(0).capability_size() == 19);
    CHECK(this_cpu().x86_entry(0).capability(0) & 1u << 26); // sse2
    CHECK(this_cpu().x86_entry(0).xfeatures_mask() & 3);
}

TEST_CASE("instructions that are missing are named, richer CPUs are welcome", "[cpu]")
{
    auto rich = made_up(), poor = made_up();
    poor.mutable_x86_entry(0)->set_capability(9, 0);
    CHECK(missing(rich, poor, kCpuIns) == Names{"avx2", "avx512f"});
    CHECK(missing(poor, rich, kCpuIns).empty());
    CHECK(missing(rich, poor, kCpuFpu).empty());
    CHECK(missing(rich, poor, 0).empty());
    CHECK(missing(poor, rich, kCpuAll) == Names{"word 9 bit 5 (only here)", "word 9 bit 16 (only here)"});
    CHECK(missing(rich, poor, kCpuAll) == Names{"avx2", "avx512f"});
}

TEST_CASE("what programs cannot use is not missed", "[cpu]")
{
    auto there = made_up(7), here = made_up(7); // the kernel enabled no AVX-512: it was never there
    here.mutable_x86_entry(0)->set_capability(9, 1u << 5);
    CHECK(missing(there, here, kCpuIns | kCpuFpu).empty());
    there.mutable_x86_entry(0)->set_capability(9, ~0u & ~(1u << 16)); // hints and the like
    here.mutable_x86_entry(0)->set_capability(9, ~0u & ~(1u << 16 | 1u << 4 | 1u << 9 | 1u << 14 | 1u << 7));
    CHECK(missing(there, here, kCpuIns).empty());
    auto less = made_up(3); // the CPU has it, the kernel did not enable it
    CHECK(missing(made_up(), less, kCpuIns) == Names{"avx", "avx2", "avx512f"});
    CHECK(missing(made_up(), less, kCpuFpu).size() == 4);
}

TEST_CASE("words that other writers use otherwise are not compared", "[cpu]")
{
    auto there = made_up();
    there.mutable_x86_entry(0)->set_capability(18, ~0u);
    CHECK(missing(there, made_up(), kCpuEverything).empty());
    there.mutable_x86_entry(0)->set_cr_leaf_7_1_eax(1u << 5);
    CHECK(missing(there, made_up(), kCpuIns).size() > 5);
    there.mutable_x86_entry(0)->clear_capability(); // an image with no words at all
    CHECK(missing(there, made_up(), kCpuIns) == Names{"avx512_bf16"});
}

TEST_CASE("the image is asked for, warned about, or refused", "[cpu]")
{
    TempDir temp;
    image::Dir dir = image::Dir::open(temp.path());
    auto poor = made_up();
    poor.mutable_x86_entry(0)->set_capability(9, 0);
    CHECK_NOTHROW(check_cpuinfo(dir, kCpuDefault, poor));
    CHECK_THROWS_AS(check_cpuinfo(dir, kCpuDefault | kCpuImage, poor), Error);
    image::write_one(dir, image::Kind::Cpuinfo, 0, made_up());
    CHECK_NOTHROW(check_cpuinfo(dir, kCpuDefault, poor));
    CHECK_NOTHROW(check_cpuinfo(dir, kCpuEverything | kCpuImage, made_up()));
    CHECK_THROWS_WITH(check_cpuinfo(dir, kCpuIns | kCpuImage, poor), Catch::Contains("avx2, avx512f"));
    auto hints = made_up();
    hints.mutable_x86_entry(0)->set_capability(9, 1u << 5 | 1u << 16 | 1u << 9);
    CHECK_NOTHROW(check_cpuinfo(dir, kCpuIns | kCpuImage, hints));
    CHECK_THROWS_WITH(check_cpuinfo(dir, kCpuAll | kCpuImage, hints),
                      Catch::Contains("--cpu-cap=ins accepts"));
    auto unknown = made_up();
    unknown.mutable_x86_entry(0)->set_capability_ver(3);
    image::write_one(dir, image::Kind::Cpuinfo, 0, unknown);
    CHECK_THROWS_AS(check_cpuinfo(dir, kCpuIns | kCpuImage, poor), Error);
}
