// The vDSO of another kernel, led to ours.
#include "libcr/base/error.h"
#include "libcr/mm/vdso_proxy.h"
#include "libcr/sys/vdso.h"
#include "unit/mm/space.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

using namespace cr;
using namespace cr::mm;
using cr::test::kAt;
using cr::test::space;
using cr::test::vma;

namespace
{

VdsoPlace ours() { return find_vdso(proc::read_maps(proc::PidDir(getpid()))); }

// A copy of our vDSO in ordinary memory, its data zeros: as in a task that ran with it under another kernel.
class Copy
{
  public:
    explicit Copy(void *near)
    {
        VdsoPlace own = ours();
        size_ = own.end() - own.start();
        memory_ = mmap(near, size_, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        REQUIRE(memory_ != MAP_FAILED);
        code = static_cast<uint8_t *>(memory_) + (own.vdso.start - own.start());
        std::memcpy(code, sys::own_vdso().data(), sys::own_vdso().size());
    }
    ~Copy() { munmap(memory_, size_); }
    Copy(const Copy &) = delete;
    Copy &operator=(const Copy &) = delete;

    TargetAddr at() const { return TargetAddr(reinterpret_cast<uint64_t>(code)); }
    std::span<const uint8_t> bytes() const { return {code, sys::own_vdso().size()}; }
    time_t seconds(clockid_t clock) const
    {
        auto symbol = sys::vdso_symbols(sys::own_vdso()).at("__vdso_clock_gettime");
        auto function =
            reinterpret_cast<int (*)(clockid_t, timespec *)>(reinterpret_cast<uintptr_t>(code + symbol.at));
        timespec now{};
        REQUIRE(function(clock, &now) == 0);
        return now.tv_sec;
    }

    uint8_t *code;

  private:
    void *memory_;
    size_t size_;
};

} // namespace

TEST_CASE("functions of a vDSO without its data ask the kernel, or are led to the running one")
{
    auto own = sys::own_vdso();
    TargetAddr own_at(reinterpret_cast<uint64_t>(own.data()));
    // Beside ours, and out of the reach of a short jump.
    for (uint64_t hint : {own_at.value - 0x1000000, uint64_t{0x100000000}}) {
        Copy copy(reinterpret_cast<void *>(hint));
        CHECK(copy.seconds(CLOCK_REALTIME) >= time(nullptr) - 1);
        CHECK(copy.seconds(CLOCK_REALTIME_COARSE) == 0); // what the jumps are for
        auto jumps = jumps_to_host(copy.bytes(), copy.at(), own, own_at);
        CHECK(jumps.size() >= 4);
        for (const Jump &jump : jumps) {
            uint64_t way = jump.at < own_at ? own_at - jump.at : jump.at - own_at;
            CHECK(jump.code.size() == (way < INT32_MAX - own.size() ? 5 : 12));
            CHECK(!jump.splits(jump.at));
            CHECK(jump.splits(jump.at + 1));
            CHECK(!jump.splits(jump.at + jump.code.size()));
            std::memcpy(copy.code + (jump.at - copy.at()), jump.code.data(), jump.code.size());
        }
        CHECK(copy.seconds(CLOCK_REALTIME) >= time(nullptr) - 1);
        CHECK(copy.seconds(CLOCK_REALTIME_COARSE) >= time(nullptr) - 1);
    }
}

TEST_CASE("a vDSO without any function of ours cannot be led anywhere")
{
    std::vector<uint8_t> nothing(8192);
    CHECK_THROWS_AS(jumps_to_host(nothing, TargetAddr(kAt), sys::own_vdso(), TargetAddr(kAt + 0x10000)),
                    Error);
}

TEST_CASE("the running kernel's vDSO goes behind the old one where there is room")
{
    VdsoPlace host;
    host.pieces = {{TargetAddr(0), TargetAddr(0x4000)}, {TargetAddr(0x4000), TargetAddr(0x6000)}};
    host.vdso = host.pieces[1];
    auto vvar = vma(kAt, 4, 0x1201), code = vma(kAt + 0x4000, 2, 0x209);
    Range old{TargetAddr(kAt + 0x4000), TargetAddr(kAt + 0x6000)};
    CHECK(place_beside(space(vvar, code), old, host, false).start() == old.end + kPageSize);
    CHECK(place_beside(space(vvar, code, vma(kAt + 0xe000, 1)), old, host, false).start() ==
          old.end + kPageSize);
    auto elsewhere = place_beside(space(vvar, code, vma(kAt + 0xd000, 1)), old, host, false);
    CHECK((elsewhere.end() <= TargetAddr(kAt) || elsewhere.start() >= TargetAddr(kAt + 0xe000)));
    auto low = vma(0x10000000, 2, 0x209), high = vma(0x10002000, 1);
    Range old_32{TargetAddr(0x10000000), TargetAddr(0x10002000)};
    CHECK(place_beside(space(low, high), old_32, host, true).end() < TargetAddr(0xffffe000));
}
