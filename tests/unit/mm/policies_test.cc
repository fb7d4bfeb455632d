// Lines of numa_maps.
#include "libcr/mm/policies.h"

#include <catch2/catch.hpp>
#include <cstring>

using namespace cr;

namespace
{

uint64_t word(const std::string &nodes, size_t i)
{
    uint64_t out;
    REQUIRE(nodes.size() >= (i + 1) * 8);
    std::memcpy(&out, nodes.data() + i * 8, 8);
    return out;
}

} // namespace

TEST_CASE("policies of areas are read from numa_maps")
{
    auto policy = mm::parse_policy("7f00deadb000 bind=static:0-2,65 anon=1 dirty=1 N0=1 kernelpagesize_kB=4");
    REQUIRE(policy);
    CHECK(policy->first == 0x7f00deadb000);
    CHECK(policy->second.mode() == (2u | 1u << 15));
    CHECK(word(policy->second.nodes(), 0) == 7);
    CHECK(word(policy->second.nodes(), 1) == 2);

    policy = mm::parse_policy("00400000 prefer (many)=relative:3 file=/x");
    REQUIRE(policy);
    CHECK(policy->second.mode() == (5u | 1u << 14));
    CHECK(word(policy->second.nodes(), 0) == 8);

    policy = mm::parse_policy("00400000 local");
    REQUIRE(policy);
    CHECK(policy->second.mode() == 4);
    CHECK(policy->second.nodes().empty());
    CHECK(mm::parse_policy("00400000 weighted interleave:0-1")->second.mode() == 6);
    CHECK(mm::parse_policy("00400000 prefer:0")->second.mode() == 1);
}

TEST_CASE("what is no policy is none")
{
    for (const char *line : {"00400000 default file=/bin/x", "", "00400000", "00400000 bind:9999999",
                             "00400000 bind:x", "nonsense bind:0"})
        CHECK_FALSE(mm::parse_policy(line));
}
