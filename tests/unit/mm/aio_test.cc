#include "libcr/base/error.h"
#include "libcr/mm/aio.h"
#include "libcr/mm/check.h"
#include "unit/mm/space.h"

#include <catch2/catch.hpp>
#include <functional>

using namespace cr;
using namespace cr::mm;
using cr::test::kAt;
using cr::test::space;
using cr::test::vma;

namespace
{

img::mm_entry with_ring(const std::function<void(img::mm_entry &)> &change = {})
{
    auto mm = space(vma(kAt, 2, 0x2001, MAP_SHARED | MAP_ANONYMOUS));
    describe_rings(mm);
    if (change)
        change(mm);
    return mm;
}

std::string error_of(const img::mm_entry &mm)
{
    try {
        check_layout(mm, [](uint32_t id) { return id == 1; });
    } catch (const Error &e) {
        return e.what();
    }
    return {};
}

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("a ring is as long as the kernel makes it")
{
    CHECK(ring_length(1, 2) == kPageSize);
    CHECK(ring_length(62, 2) == kPageSize); // 126 events of 32 bytes, behind a header of 32
    CHECK(ring_length(63, 2) == 2 * kPageSize);
    CHECK(ring_length(1, 64) == 5 * kPageSize); // as many as four for each CPU
}

TEST_CASE("the fewest requests with a ring of that length")
{
    for (uint64_t pages : {1, 2, 3, 4, 100}) {
        uint32_t requests = requests_of(pages * kPageSize);
        CHECK(ring_length(requests, 1) == pages * kPageSize);
        if (requests > 4)
            CHECK(ring_length(requests - 1, 1) < pages * kPageSize);
    }
}

TEST_CASE("rings and contexts of an image belong together")
{
    CHECK(error_of(with_ring()) == "");
    CHECK(contains(error_of(with_ring([](auto &mm) { mm.clear_aios(); })), "no entry in aios"));
    CHECK(contains(error_of(with_ring([](auto &mm) { *mm.add_aios() = mm.aios(0); })), "two asynchronous"));
    CHECK(contains(error_of(with_ring([](auto &mm) { mm.mutable_aios(0)->set_id(kAt + 1); })), "no entry in aios"));
    CHECK(contains(error_of(with_ring([](auto &mm) { mm.mutable_aios(0)->set_ring_len(4096); })), "has the length"));
    CHECK(contains(error_of(with_ring([](auto &mm) { mm.mutable_aios(0)->set_nr_req(0); })), "for 0 requests"));
    CHECK(contains(error_of(with_ring([](auto &mm) { mm.mutable_aios(0)->set_nr_req(1u << 31); })), "requests"));
    CHECK(error_of(with_ring([](auto &mm) { // as others may call it
              mm.mutable_vmas(0)->set_status(0x2201);
              mm.mutable_vmas(0)->set_flags(MAP_PRIVATE | MAP_ANONYMOUS);
          })) == "");
    auto extra = with_ring([](auto &mm) {
        *mm.add_aios() = mm.aios(0);
        mm.mutable_aios(1)->set_id(kAt + 0x10000);
    });
    CHECK(contains(error_of(extra), "has no memory"));
}
