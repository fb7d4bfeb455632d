#include "libcr/proc/fdinfo.h"

#include "libcr/base/error.h"
#include "libcr/files/watched.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

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

namespace
{

std::string contents_of(const std::filesystem::path &path)
{
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

// Captured by tests/unit/proc/fdinfo/capture.
TEST_CASE("fdinfo as kernels from 6.1 on have told it")
{
    const std::map<std::string, std::vector<std::string>> keys = {
        {"bpf_map", {"map_type", "map_flags", "memlock", "map_id", "frozen"}},
        {"eventfd", {"eventfd-count", "eventfd-id"}},
        {"fanotify", {"fanotify flags", "fanotify sdev", "fanotify mnt_id", "fanotify ino"}},
        {"pidfd", {"Pid", "NSpid"}},
        {"pidfd_of_the_dead", {"Pid"}},
        {"signalfd", {"sigmask"}},
        {"timerfd", {"clockid", "ticks", "settime flags", "it_value", "it_interval"}},
        {"tun", {"iff"}},
    };
    const std::map<std::string, std::pair<std::string, size_t>> repeated = {
        {"epoll", {"tfd", 2}}, {"inotify", {"inotify wd", 2}}, {"locked", {"lock", 2}}};
    size_t kernels = 0;
    for (const auto &kernel : std::filesystem::directory_iterator(SOURCE_DIR "/tests/unit/proc/fdinfo")) {
        if (!kernel.is_directory())
            continue;
        kernels++;
        for (const auto &file : std::filesystem::directory_iterator(kernel)) {
            INFO(file.path());
            const std::string kind = file.path().filename();
            auto info = parse_fdinfo(contents_of(file));
            CHECK(info.mnt_id >= 0);
            CHECK(info.number("ino") > 0);
            if (auto wanted = keys.find(kind); wanted != keys.end())
                for (const std::string &key : wanted->second)
                    CHECK(info.field(key));
            if (auto wanted = repeated.find(kind); wanted != repeated.end())
                CHECK(info.fields(wanted->second.first).size() == wanted->second.second);
            for (const char *key : {"inotify wd", "fanotify ino"})
                for (std::string_view line : info.fields(key)) {
                    img::fh_entry handle;
                    files::parse_handle(line, handle);
                    CHECK(handle.bytes() > 0);
                }
        }
        CHECK(parse_fdinfo(contents_of(kernel.path() / "eventfd")).number("eventfd-count", 16) == 5);
        CHECK(parse_fdinfo(contents_of(kernel.path() / "signalfd")).number("sigmask", 16) == 0x8000000000000200);
        CHECK(parse_fdinfo(contents_of(kernel.path() / "timerfd")).field("it_interval") == "(1, 500)");
        CHECK(parse_fdinfo(contents_of(kernel.path() / "regular")).pos == 4);
    }
    CHECK(kernels >= 3);
}
