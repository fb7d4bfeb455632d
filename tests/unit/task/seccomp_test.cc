// Filters as data: what images may say, chains, and what a filter says of a call.
#include "libcr/base/error.h"
#include "libcr/sys/seccomp.h"
#include "libcr/task/seccomp.h"

#include <catch2/catch.hpp>
#include <cstddef>

using namespace cr;

namespace
{

void add(img::seccomp_entry &filters, size_t size, int previous = -1)
{
    img::seccomp_filter &filter = *filters.add_seccomp_filters();
    filter.set_filter(std::string(size, '\0'));
    if (previous >= 0)
        filter.set_prev(static_cast<uint32_t>(previous));
}

img::core_entry under(uint32_t newest)
{
    img::core_entry core;
    core.mutable_thread_core()->set_seccomp_mode(img::filter);
    core.mutable_thread_core()->set_seccomp_filter(newest);
    return core;
}

} // namespace

TEST_CASE("chains of filters, and what of them threads have in common")
{
    img::seccomp_entry filters;
    add(filters, 8);
    add(filters, 8, 0);
    add(filters, 16, 1);
    add(filters, 8, 1);
    task::check_filters(filters);
    using Chain = std::vector<uint32_t>;
    Chain a = task::chain_of(under(2), filters), b = task::chain_of(under(3), filters);
    CHECK(a == Chain{0, 1, 2});
    CHECK(b == Chain{0, 1, 3});
    CHECK(task::common_part({a, b}) == 2);
    CHECK(task::common_part({a, a}) == 3);
    CHECK(task::common_part({a, {}}) == 0);
}

TEST_CASE("impossible filters in an image are refused")
{
    img::seccomp_entry filters;
    SECTION("half an instruction") { add(filters, 12); }
    SECTION("none") { add(filters, 0); }
    SECTION("too many") { add(filters, 8 * 4097); }
    SECTION("after itself") { add(filters, 8, 0); }
    SECTION("unknown flags")
    {
        add(filters, 8);
        filters.mutable_seccomp_filters(0)->set_flags(8);
    }
    CHECK_THROWS_AS(task::check_filters(filters), Error);
}

TEST_CASE("threads name filters that are there, and no more than the kernel allows")
{
    img::seccomp_entry filters;
    for (int i = 0; i < 9; i++)
        add(filters, 8 * 4096, i - 1);
    CHECK_THROWS_AS(task::check_seccomp(under(9), filters), Error);
    CHECK_THROWS_AS(task::check_seccomp(under(8), filters), Error);
    task::check_seccomp(under(6), filters);
}

TEST_CASE("what a filter says of a call")
{
    std::vector<sock_filter> code = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 3),
                                     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
                                     BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
                                     BPF_STMT(BPF_RET | BPF_A, 0),
                                     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    seccomp_data call{};
    CHECK(sys::evaluate(code, call) == SECCOMP_RET_ALLOW);
    call.nr = 7;
    call.args[1] = 0x1234;
    CHECK(sys::evaluate(code, call) == 0x34);
    CHECK(sys::evaluate({}, call) == SECCOMP_RET_KILL_PROCESS);
}
