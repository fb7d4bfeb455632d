#include "libcr/base/error.h"
#include "libcr/mm/aio.h"
#include "libcr/mm/check.h"
#include "unit/mm/plans.h"
#include "unit/mm/space.h"

#include <catch2/catch.hpp>
#include <functional>
#include <unistd.h>

using namespace cr;
using namespace cr::mm;
using cr::test::kAt;
using cr::test::Plans;
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

// The begin of a ring's memory (struct aio_ring of the kernel).
struct Header {
    uint32_t id = 1, nr, head = 0, tail = 0, magic = 0xa10a10a1, compat_features = 1, incompat_features = 0, length = 32;
    std::string bytes() const { return {reinterpret_cast<const char *>(this), sizeof *this}; }
};
constexpr uint32_t events_of(uint64_t pages) { return static_cast<uint32_t>(pages * kPageSize / 32 - 1); }

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

TEST_CASE("the plan of a ring has its contents' position, and as many requests as its length needs")
{
    constexpr uint64_t kPages = 100;
    Plans plans;
    auto mm = space(vma(kAt, kPages, 0x2001, MAP_SHARED | MAP_ANONYMOUS));
    describe_rings(mm);
    auto planned = [&](const std::map<uint64_t, std::string> &pages, uint64_t cpus = 4) {
        auto plan = plans.with_contents(mm, pages);
        plan_rings(plan, cpus);
        REQUIRE(plan.rings.size() == 1);
        return plan.rings[0];
    };
    RingPlan empty = planned({});
    CHECK(empty.vma == &mm.vmas(0));
    CHECK(empty.head == 0);
    CHECK(empty.tail == 0);
    CHECK(ring_length(empty.requests, 4) == kPages * kPageSize);

    Header header{.nr = events_of(kPages), .head = 7, .tail = 3};
    CHECK(planned({{kAt, header.bytes()}}).head == 7);
    CHECK(planned({{kAt, header.bytes()}}).tail == 3);
    header.head += header.nr; // a program may write there
    CHECK(planned({{kAt, header.bytes()}}).head == 7);
    header.nr--;
    CHECK_THROWS_WITH(planned({{kAt, header.bytes()}}), Catch::Contains("not those of a ring"));
    header.nr++;
    header.magic++;
    CHECK_THROWS_WITH(planned({{kAt, header.bytes()}}), Catch::Contains("not those of a ring"));

    mm.mutable_aios(0)->set_nr_req(events_of(kPages)); // what others may have written, which would make a longer one
    CHECK(planned({}).requests == requests_of(kPages * kPageSize));
    CHECK_THROWS_WITH(planned({}, 4096), Catch::Contains("4096 CPUs"));
}

TEST_CASE("a ring that could not be made again is told of before the dump")
{
    auto *memory = static_cast<char *>(
        ::mmap(nullptr, 2 * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(memory != MAP_FAILED);
    proc::Area area{};
    area.start = TargetAddr(reinterpret_cast<uintptr_t>(memory));
    area.end = area.start + 2 * kPageSize;
    auto told = [&] {
        auto blocker = ring_blocker(::getpid(), area);
        return blocker ? blocker->what : std::string();
    };
    std::string begin = Header{.nr = events_of(2)}.bytes();
    begin.copy(memory, begin.size());
    CHECK(told() == "");
    area.end = area.start + kPageSize;
    CHECK(contains(told(), "shortened"));
    area.end = area.start + (65 << 20);
    CHECK(contains(told(), "has a ring of 65 MiB"));
    ::munmap(memory, 2 * kPageSize);
    area.end = area.start + 2 * kPageSize;
    CHECK(contains(told(), "cannot be read"));
}
