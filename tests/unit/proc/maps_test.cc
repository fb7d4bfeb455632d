#include "libcr/base/error.h"
#include "libcr/proc/maps.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <unistd.h>

using namespace cr;
using namespace cr::proc;

namespace
{

// As Linux 6.18 shows it.
constexpr const char *kSmaps =
    "559f2c59c000-559f2c5a1000 r-xp 00002000 fe:00 247134                     /usr/bin/cat\n"
    "Size:                 20 kB\n"
    "KernelPageSize:        4 kB\n"
    "Rss:                  20 kB\n"
    "Anonymous:             4 kB\n"
    "KSM:                   0 kB\n"
    "Swap:                  8 kB\n"
    "SwapPss:               8 kB\n"
    "THPeligible:           0\n"
    "VmFlags: rd ex mr mw me \n"
    "7ffeebfbe000-7ffeebfdf000 rw-p 00000000 00:00 0                          [stack]\n"
    "Anonymous:            12 kB\n"
    "VmFlags: rd wr mr mw me gd ac zz \n";

} // namespace

TEST_CASE("a line of maps")
{
    auto area =
        parse_area("7f92094df000-7f9209505000 r-xs 00026000 fe:0a 332835                     /lib/libc.so.6");
    REQUIRE(area);
    CHECK(area->start == TargetAddr(0x7f92094df000));
    CHECK(area->end == TargetAddr(0x7f9209505000));
    CHECK(area->read);
    CHECK_FALSE(area->write);
    CHECK(area->exec);
    CHECK(area->shared);
    CHECK(area->offset == 0x26000);
    CHECK(area->major == 0xfe);
    CHECK(area->minor == 0xa);
    CHECK(area->inode == 332835);
    CHECK(area->path == "/lib/libc.so.6");
}

TEST_CASE("names of mapped files may hold blanks and newlines; nameless areas have none")
{
    CHECK(parse_area("1000-2000 r--p 00000000 00:21 9                /tmp/a b  c ")->path == "/tmp/a b  c ");
    CHECK(parse_area("1000-2000 r--p 00000000 00:21 9                /tmp/a\\012b")->path == "/tmp/a\nb");
    CHECK(parse_area("1000-2000 r--p 00000000 00:21 9                /tmp/a (deleted)")->path ==
          "/tmp/a (deleted)");
    CHECK(parse_area("1000-2000 rw-p 00000000 00:00 0 ")->path == "");
    CHECK(parse_area("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]")
              ->start == TargetAddr(0xffffffffff600000));
}

TEST_CASE("what is no line of maps is none")
{
    for (const char *line : {"", "x", "1000-2000", "1000-2000 rw 0 0:0 0 ", "1000 2000 rw-p 0 00:00 0 ",
                             "1000-2000 rw-p zz 00:00 0 ", "10000000000000000-2 rw-p 0 00:00 0 "})
        CHECK_FALSE(parse_area(line));
    CHECK_THROWS_AS(parse_maps("1000-2000 rw-p 00000000 00:00 0 \nnonsense\n"), Error);
}

TEST_CASE("smaps is the same however it is cut")
{
    std::string text = kSmaps;
    for (size_t piece : {size_t(1), size_t(7), size_t(64), text.size()}) {
        SmapsParser parser;
        for (size_t at = 0; at < text.size(); at += piece)
            parser.feed(std::string_view(text).substr(at, piece));
        auto areas = parser.take();
        REQUIRE(areas.size() == 2);
        CHECK(areas[0].path == "/usr/bin/cat");
        CHECK(areas[0].anonymous == 12 * 1024);
        CHECK(areas[0].flags == parse_vm_flags("rd ex mr mw me"));
        CHECK(areas[1].path == "[stack]");
        CHECK(areas[1].anonymous == 12 * 1024);
        CHECK(areas[1].flags.has(VmFlag::gd));
        CHECK(areas[1].flags.has(VmFlag::Unknown));
        CHECK_FALSE(areas[1].flags.has(VmFlag::ex));
    }
}

TEST_CASE("smaps that begins in the middle is refused")
{
    SmapsParser parser;
    CHECK_THROWS_AS(parser.feed("VmFlags: rd\n"), Error);
}

TEST_CASE("our own smaps and maps tell of the same areas")
{
    PidDir self(getpid());
    auto maps = read_maps(self), smaps = read_smaps(self);
    REQUIRE(maps.size() >= 5);
    // Reading may move the heap's end; code and libraries stay.
    for (const Area &area : maps)
        if (area.exec && area.path.starts_with("/")) {
            auto same = [&](const Area &a) { return a.start == area.start && a.path == area.path; };
            auto found = std::find_if(smaps.begin(), smaps.end(), same);
            REQUIRE(found != smaps.end());
            CHECK(found->flags.has(VmFlag::ex));
            CHECK_FALSE(found->flags.has(VmFlag::Unknown));
        }
}

TEST_CASE("a kernel without a name for lock-on-fault is understood, where it can be nothing else")
{
    VmFlags locked = parse_vm_flags("rd wr mr mw me lo ?? ac");
    CHECK(locked.has(VmFlag::lf));
    CHECK_FALSE(locked.has(VmFlag::Unknown));
    CHECK(parse_vm_flags("rd wr mr ?? ac").has(VmFlag::Unknown));
}
