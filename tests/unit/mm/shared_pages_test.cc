#include "libcr/mm/shared_pages.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <unistd.h>

using namespace cr;
using namespace cr::mm;

namespace
{

constexpr uint64_t kThere = 0x7000000;

alignas(kPageSize) uint8_t memory[4 * kPageSize]; // of the first task, which is this process

TargetAddr page_of_first(int number) { return TargetAddr(reinterpret_cast<uint64_t>(memory) + number * kPageSize); }

} // namespace

TEST_CASE("pages that another task has are taken out when their contents are the same")
{
    for (int page = 0; page < 4; page++)
        std::memset(memory + page * kPageSize, 'a' + page, kPageSize);
    SharedPages pages;
    PageBuffer bytes(sizeof memory);
    auto fill = [&] {
        std::memcpy(bytes.data(), memory, sizeof memory);
        bytes.used = sizeof memory;
    };
    const uint64_t frames[] = {11, 12, 13, 0};

    fill();
    std::vector<Range> runs = {{page_of_first(0), page_of_first(4)}};
    CHECK(pages.take_out({::getpid(), 41, {}}, frames, runs, bytes).empty());
    CHECK((runs == std::vector<Range>{{page_of_first(0), page_of_first(4)}} && bytes.used == sizeof memory));

    // The third page's frame is another page's by now.
    fill();
    bytes.data()[2 * kPageSize] = '!';
    runs = {{TargetAddr(kThere), TargetAddr(kThere + 4 * kPageSize)}};
    std::vector<SharedRun> shared = pages.take_out({::getpid(), 42, {}}, frames, runs, bytes);
    REQUIRE(shared.size() == 1);
    CHECK((shared[0].of == 41 && shared[0].at == page_of_first(0)));
    CHECK(shared[0].pages == Range{TargetAddr(kThere), TargetAddr(kThere + 2 * kPageSize)});
    CHECK(runs == std::vector<Range>{{TargetAddr(kThere + 2 * kPageSize), TargetAddr(kThere + 4 * kPageSize)}});
    CHECK((bytes.used == 2 * kPageSize && bytes.data()[0] == '!' && bytes.data()[kPageSize] == 'd'));

    // What is stored differently than it is in memory is no matter of frames.
    fill();
    runs = {{TargetAddr(kThere), TargetAddr(kThere + 4 * kPageSize)}};
    Range replaced{TargetAddr(kThere + 8), TargetAddr(kThere + 16)};
    shared = pages.take_out({::getpid(), 43, replaced}, frames, runs, bytes);
    REQUIRE(shared.size() == 1);
    CHECK(shared[0].pages == Range{TargetAddr(kThere + kPageSize), TargetAddr(kThere + 3 * kPageSize)});

    // Where no frames are known, all is stored.
    CHECK(pages.take_out({::getpid(), 44, {}}, {}, runs, bytes).empty());
}
