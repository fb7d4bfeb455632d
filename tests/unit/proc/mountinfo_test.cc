#include "libcr/proc/mountinfo.h"

#include <catch2/catch.hpp>
#include <sys/sysmacros.h>

using namespace cr;
using proc::parse_mountinfo;

TEST_CASE("mountinfo: places, devices, types")
{
    auto mounts = parse_mountinfo("23 1 0:22 / /dev rw,nosuid shared:2 - devtmpfs udev rw,size=1024k\n"
                                  "25 23 0:23 / /dev/pts rw - devpts devpts rw,ptmxmode=000\n"
                                  "31 1 253:1 /sub\\040dir /a\\011b\\134c ro shared:7 master:3 - ext4 /dev/vda1 ro\n");
    REQUIRE(mounts.size() == 3);
    CHECK(mounts[0].id == 23);
    CHECK(mounts[0].parent == 1);
    CHECK(mounts[0].type == "devtmpfs");
    CHECK(mounts[1].dev == makedev(0, 23));
    CHECK(mounts[1].point == "/dev/pts");
    CHECK(mounts[2].root == "/sub dir");
    CHECK(mounts[2].point == "/a\tb\\c");
    CHECK(mounts[2].type == "ext4");
}

TEST_CASE("mountinfo: what cannot be understood is left out")
{
    CHECK(parse_mountinfo("").empty());
    CHECK(parse_mountinfo("x y z\n\n25\n25 23 0-23 / /dev/pts\n").empty());
    CHECK(parse_mountinfo("25 23 0:23").size() == 1);
}
