#include "libcr/image/catalog.h"

#include <catch2/catch.hpp>
#include <set>

using namespace cr::image;

TEST_CASE("a file name and its kind are each other's reverse")
{
    for (const Entry &e : catalog())
        for (uint64_t id : {uint64_t{0}, uint64_t{1}, uint64_t{42}, uint64_t{0xffffffff}, ~uint64_t{0}}) {
            std::string name = file_name(e.kind, id);
            INFO(name);
            auto back = parse_file_name(name);
            REQUIRE(back);
            CHECK(back->kind == e.kind);
            CHECK(back->id == (e.id == Id::None ? 0 : id));
        }
}

TEST_CASE("names are CRIU's")
{
    CHECK(file_name(Kind::Core, 42) == "core-42.img");
    CHECK(file_name(Kind::TcpStream, 0xab) == "tcp-stream-ab.img");
    CHECK(file_name(Kind::GhostFile, 255) == "ghost-file-ff.img");
    CHECK(file_name(Kind::PagemapShmem, 7) == "pagemap-shmem-7.img");
    CHECK(file_name(Kind::TmpfsDev, 37) == "tmpfs-dev-37.tar.gz.img");
    CHECK(file_name(Kind::StatsDump) == "stats-dump");
    CHECK(file_name(Kind::Inventory, 9) == "inventory.img");
}

TEST_CASE("what only resembles an image name is none")
{
    for (const char *name : {"",
                             ".img",
                             "core-.img",
                             "core-x.img",
                             "core-042.img",
                             "core--1.img",
                             "core-+1.img",
                             "core-1.img.tmp",
                             "core-18446744073709551616.img",
                             "inventory.img.tmp",
                             "inventory-1.img",
                             "tcp-stream-AB.img",
                             "stats-dump.img",
                             "pagemap-shmem-.img",
                             "../core-1.img",
                             "core-1.img/",
                             "parent",
                             "dump.log",
                             "pages-1",
                             "core-1 .img"}) {
        INFO(name);
        CHECK_FALSE(parse_file_name(name));
    }
}

TEST_CASE("the table is consistent")
{
    std::set<std::string> names;
    for (const Entry &e : catalog()) {
        INFO(e.stem);
        CHECK((e.framing == Framing::Raw) == (e.magic == 0));
        CHECK((e.framing == Framing::Raw) == (e.message == nullptr));
        CHECK((e.framing == Framing::Raw) == (e.records == Records::None));
        CHECK((e.head == nullptr || e.records == Records::Array));
        CHECK(names.insert(file_name(e.kind, 1)).second);
    }
}
