#include "libcr/proc/fdinfo.h"

#include "libcr/base/error.h"

#include <catch2/catch.hpp>

using namespace cr;
using proc::parse_fdinfo;

TEST_CASE("fdinfo of several kernels: the common lines")
{
    SECTION("6.18, a regular file, close-on-exec")
    {
        auto info = parse_fdinfo("pos:\t4711\nflags:\t02100002\nmnt_id:\t30\nino:\t1234\n");
        CHECK(info.pos == 4711);
        CHECK(info.flags == 02100002);
        CHECK(info.mnt_id == 30);
        CHECK(info.field("ino") == "1234");
    }
    SECTION("3.10: neither mount nor inode")
    {
        auto info = parse_fdinfo("pos:\t0\nflags:\t0100000\n");
        CHECK(info.mnt_id == -1);
        CHECK_FALSE(info.field("mnt_id"));
    }
    SECTION("an offset that looks negative")
    {
        CHECK(parse_fdinfo("pos:\t-1\nflags:\t02\n").pos == UINT64_MAX);
    }
}

TEST_CASE("fdinfo: lines of a kind")
{
    auto eventfd = parse_fdinfo("pos:\t0\nflags:\t02\nmnt_id:\t17\nino:\t1038\n"
                                "eventfd-count:               1f\neventfd-id: 12\neventfd-semaphore: 1\n");
    CHECK(eventfd.number("eventfd-count", 16) == 0x1f);
    CHECK(eventfd.field("eventfd-semaphore") == "1");

    auto timer = parse_fdinfo("pos:\t0\nflags:\t02\nmnt_id:\t15\nclockid: 0\nticks: 3\nsettime flags: 03\n"
                              "it_value: (7, 49406829)\nit_interval: (1, 0)\n");
    CHECK(timer.number("settime flags", 8) == 3);
    CHECK(timer.field("it_value") == "(7, 49406829)");

    auto epoll =
        parse_fdinfo("pos:\t0\nflags:\t02\nmnt_id:\t15\n"
                     "tfd:        5 events:       1d data: ffffffffffffffff  pos:0 ino:61af sdev:7\n"
                     "tfd:        6 events: 80000019 data:                1  pos:0 ino:61b0 sdev:7\n");
    CHECK(epoll.fields("tfd").size() == 2);
    CHECK(epoll.fields("tfd")[1].starts_with("6 events: 80000019"));

    auto locked =
        parse_fdinfo("pos:\t0\nflags:\t02\nmnt_id:\t15\nlock:\t1: FLOCK  ADVISORY  WRITE 42 08:01:7 0 EOF\n");
    CHECK(locked.field("lock"));
    CHECK_FALSE(locked.field("loc"));
    CHECK_FALSE(locked.field("loc:k"));
}

TEST_CASE("fdinfo that makes no sense is an error")
{
    CHECK_THROWS_AS(parse_fdinfo(""), Error);
    CHECK_THROWS_AS(parse_fdinfo("pos:\t0\n"), Error);
    CHECK_THROWS_AS(parse_fdinfo("pos:\tx\nflags:\t02\n"), Error);
    CHECK_THROWS_AS(parse_fdinfo("pos:\t0\nflags:\t09\n"), Error);
    CHECK_THROWS_AS(parse_fdinfo("pos:\t0\nflags:\t02\n").number("eventfd-count"), Error);
}
