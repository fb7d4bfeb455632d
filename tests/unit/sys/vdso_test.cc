// The vDSO that this process has, and images that cannot be trusted.
#include "libcr/sys/vdso.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <elf.h>
#include <time.h>
#include <vector>

using namespace cr;
using Bytes = std::vector<uint8_t>;

namespace
{

Bytes own()
{
    auto vdso = sys::own_vdso();
    return {vdso.begin(), vdso.end()};
}

// Puts `value` where a dynamic section's entry has its tag.
void retag(Bytes &image, int64_t from, int64_t to)
{
    Elf64_Ehdr header;
    std::memcpy(&header, image.data(), sizeof header);
    for (size_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        std::memcpy(&segment, image.data() + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type != PT_DYNAMIC)
            continue;
        for (size_t at = segment.p_offset; at < segment.p_offset + segment.p_filesz;
             at += sizeof(Elf64_Dyn)) {
            int64_t tag;
            std::memcpy(&tag, image.data() + at, sizeof tag);
            if (tag == from)
                std::memcpy(image.data() + at, &to, sizeof to);
        }
    }
}

} // namespace

TEST_CASE("the running kernel's vDSO: segments, then section headers, then nothing")
{
    auto image = own();
    REQUIRE_FALSE(image.empty());
    auto extent = sys::vdso_extent(image);
    CHECK(extent.segments > 1000);
    CHECK(extent.segments <= extent.whole);
    CHECK(extent.whole <= image.size());
}

TEST_CASE("functions of the vDSO are found by either hash table")
{
    auto image = own();
    auto found = sys::vdso_symbols(image);
    REQUIRE(found.contains("__vdso_clock_gettime"));
    auto function = reinterpret_cast<int (*)(clockid_t, timespec *)>(
        reinterpret_cast<uintptr_t>(sys::own_vdso().data() + found["__vdso_clock_gettime"].at));
    timespec now{};
    CHECK(function(CLOCK_MONOTONIC, &now) == 0);
    CHECK(now.tv_sec + now.tv_nsec > 0);

    auto one = image;
    retag(one, DT_HASH, 0x6ffffff0);
    auto other = image;
    retag(other, DT_GNU_HASH, 0x6ffffff0);
    for (const Bytes &only_one : {one, other})
        if (auto symbols = sys::vdso_symbols(only_one);
            !symbols.empty()) // a kernel may have one of them only
            CHECK(symbols == found);
    CHECK((!sys::vdso_symbols(one).empty() || !sys::vdso_symbols(other).empty()));
}

TEST_CASE("what is no ELF has no functions and counts as a whole")
{
    Bytes junk(8192, 7), header(8192);
    CHECK(sys::vdso_extent(junk).whole == junk.size());
    CHECK(sys::vdso_extent({}).whole == 0);
    auto image = own();
    std::memcpy(header.data(), image.data(), 64); // program headers out of nowhere
    std::memset(header.data() + 32, 0xff, 16);
    CHECK(sys::vdso_extent(header).segments == header.size());
    CHECK(sys::vdso_symbols(header).empty());
    CHECK(sys::vdso_symbols(junk).empty());
}

TEST_CASE("a vDSO with any bytes changed is read without harm")
{
    auto image = own();
    auto end = sys::vdso_extent(image).segments;
    for (size_t at = 0; at < end; at++)
        for (uint8_t value : {0, 0x80, 0xff}) {
            auto changed = image;
            changed[at] = value;
            if (at % 7 == 0)
                changed.resize(at + 1);
            sys::vdso_symbols(changed);
            CHECK(sys::vdso_extent(changed).whole <= changed.size());
        }
}
