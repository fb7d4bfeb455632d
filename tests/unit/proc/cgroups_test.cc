#include "libcr/proc/cgroups.h"

#include "libcr/base/error.h"

#include <catch2/catch.hpp>

using namespace cr;

TEST_CASE("A cgroup file is one place for each hierarchy")
{
    auto places = proc::parse_cgroups("9:name=systemd:/\n4:cpu,cpuacct:/a:b/c\n0::/user.slice\n");
    REQUIRE(places.size() == 3);
    CHECK(places[0].controllers.empty());
    CHECK(places[0].path == "/user.slice");
    CHECK(places[1].controllers == "cpu,cpuacct");
    CHECK(places[1].path == "/a:b/c");
    CHECK(places[2].controllers == "name=systemd");
    CHECK(proc::parse_cgroups("").empty());
}

TEST_CASE("A cgroup file of another form is an error")
{
    for (const char *text : {"0:/a\n", "x::/a\n", "0::a\n", "0::\n"})
        CHECK_THROWS_AS(proc::parse_cgroups(text), Error);
}
