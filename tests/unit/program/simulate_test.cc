#include "libcr/base/error.h"
#include "libcr/program/simulate.h"

#include <catch2/catch.hpp>
#include <sys/syscall.h>

using namespace cr;
using namespace cr::program;

namespace
{

constexpr TargetAddr kBase{0x10000000};

// A parent that opens, clones a child, waits for it and closes; on a failure it exits with 1.
struct Family {
    Region region;
    ProgramId fail, child, parent;
    OpId fd, dup;

    Family()
    {
        auto f = std::make_unique<Program>("failed");
        f->sys(SYS_exit_group, {1}, On::Ignore);
        fail = region.add(std::move(f));
        auto word = region.word();
        auto c = std::make_unique<Program>("child");
        c->on_failure(fail);
        c->sys(SYS_setsid, {});
        c->add(word, 1);
        c->native(TargetAddr(0x1234));
        child = region.add(std::move(c));
        auto p = std::make_unique<Program>("parent");
        p->on_failure(fail);
        fd = p->sys(SYS_openat, {-100, region.data("/x", 3), 0}, On::Fail, "/x");
        dup = p->sys(SYS_dup, {fd});
        p->clone3(region.space(88), 88, child, 42, "pid 42");
        p->wait(word, 1);
        p->sys_repeat(SYS_close, {fd}, 2, {1});
        p->sys(SYS_exit_group, {0}, On::Ignore);
        parent = region.add(std::move(p));
    }
};

} // namespace

TEST_CASE("a program runs without a kernel")
{
    Family family;
    Simulator simulator(family.region, kBase);
    simulator.answer(SYS_openat, [](const auto &) { return 5; });
    simulator.answer(SYS_dup, [](const Simulator::Args &args) { return static_cast<int64_t>(args[0]) + 1; });
    simulator.run(family.parent, family.fail);
    REQUIRE(simulator.failures().empty());
    REQUIRE(simulator.value_at(family.region.result_offset(family.parent, family.dup)) == 6);
    std::string text = simulator.transcript();
    REQUIRE(text.find("dup(5) = 6\n") != std::string::npos);
    REQUIRE(text.find("setsid() = 0\nclose(5) = 0\nclose(6) = 0\nexit_group(0) = 0\n") != std::string::npos);
}

TEST_CASE("whichever call fails, the program ends where failures lead, and tells which it was")
{
    for (uint64_t k = 1; k <= 6; k++) {
        Family family;
        Simulator simulator(family.region, kBase);
        simulator.fail(k, EPERM);
        bool child_failed = k == 4;
        if (child_failed) {
            // Nobody tells the parent: in a real restore the child's failure ends all of it.
            REQUIRE_THROWS_AS(simulator.run(family.parent, family.fail), Error);
        } else {
            simulator.run(family.parent, family.fail);
        }
        auto failures = simulator.failures();
        REQUIRE(failures.size() == 1);
        REQUIRE(failures[0].err == EPERM);
        REQUIRE(failures[0].program_name == (child_failed ? "child" : "parent"));
    }
}

TEST_CASE("what a call returned in memory is an argument of others")
{
    Region region;
    auto p = std::make_unique<Program>("loads");
    auto slot = region.space(16);
    auto pid = p->sys(SYS_getpid, {});
    p->store({slot, 8}, pid);
    auto loaded = p->load({slot, 8});
    p->sys(SYS_close, {loaded});
    p->sys(SYS_dup2, {loaded, loaded});
    p->load(slot); // of no use to anybody
    p->sys(SYS_exit_group, {0});
    auto id = region.add(std::move(p));
    Simulator simulator(region, kBase);
    simulator.answer(SYS_getpid, [](const auto &) { return 42; });
    simulator.run(id, id);
    CHECK(simulator.transcript() == "getpid() = 42\nclose(42) = 0\ndup2(42, 42) = 0\nexit_group(0) = 0\n");
}

TEST_CASE("a program that leaves its region is caught")
{
    Region region;
    auto p = std::make_unique<Program>("bad");
    auto pid = p->sys(SYS_getpid, {});
    p->store(TargetAddr(0x666), pid);
    auto id = region.add(std::move(p));
    Simulator simulator(region, kBase);
    REQUIRE_THROWS_AS(simulator.run(id, id), Error);
}
