#include "libcr/base/error.h"
#include "libcr/image/seal.h"
#include "libcr/image/writer.h"
#include "pipe-data.pb.h"
#include "pstree.pb.h"
#include "unit/temp_dir.h"

#include <catch2/catch.hpp>

using namespace cr;
using namespace cr::image;
using cr::test::TempDir;

namespace
{

img::inventory_entry inventory(uint32_t version = 2)
{
    img::inventory_entry e;
    e.set_img_version(version);
    return e;
}

void put_empty(const Dir &dir, Kind kind, uint64_t id = 0) { Writer(dir, kind, id).finish(); }

} // namespace

TEST_CASE("a directory is complete from the commit on")
{
    TempDir temp;
    Dir dir = Dir::create(temp.file("img"));
    auto old = begin(dir);
    CHECK_THROWS_WITH(open_complete(dir.path()),
                      Catch::Contains("incomplete: no inventory.img, nor any other image"));
    put_empty(dir, Kind::Pstree);
    put_empty(dir, Kind::Core, 1);
    put_empty(dir, Kind::Core, 2);
    CHECK_THROWS_WITH(open_complete(dir.path()),
                      Catch::Contains("there: pstree, 2 core; not there: mm, pagemap, pages, files, fdinfo"));
    commit(dir, inventory());
    CHECK(open_complete(dir.path()).inventory.img_version() == 2);
    CHECK(incomplete_because(dir).empty());
    CHECK(temp.read("img/inventory.img.tmp").empty());
}

TEST_CASE("begin takes away an earlier dump, and only that")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    put_empty(dir, Kind::Pstree);
    put_empty(dir, Kind::PipesData);
    put_empty(dir, Kind::Pages, 3);
    put_empty(dir, Kind::StatsDump);
    put_empty(dir, Kind::Cpuinfo);
    temp.write("dump.log", "log");
    temp.write("inventory.img.tmp", "half");
    commit(dir, inventory(), Durable::Yes);
    auto old = begin(dir);
    auto files = dir.files();
    REQUIRE(files.size() == 2);
    CHECK(files[0].name == "cpuinfo.img");
    CHECK(files[1].name == "stats-dump");
    CHECK(temp.read("dump.log") == "log");
    CHECK(temp.read("inventory.img.tmp").empty());
}

TEST_CASE("a partial dump is refused with the stages that are missing")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    auto e = inventory();
    e.set_cr_partial(true);
    e.add_cr_stages("cr-freeze");
    e.add_cr_stages("cr-dump-mm");
    commit(dir, e);
    CHECK_THROWS_WITH(
        open_complete(temp.path()),
        Catch::Contains("partial: only cr-freeze, cr-dump-mm ran, missing: cr-dump-ns, cr-dump-net, "
                        "cr-dump-files"));
}

TEST_CASE("versions 1 and 2 are read, others refused")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    for (uint32_t version : {0u, 1u, 2u, 3u}) {
        commit(dir, inventory(version));
        if (version == 1 || version == 2)
            CHECK(open_complete(temp.path()).inventory.img_version() == version);
        else
            CHECK_THROWS_WITH(open_complete(temp.path()), Catch::Contains("known are 1 to 2"));
    }
}

TEST_CASE("a missing directory is told by name")
{
    TempDir temp;
    CHECK_THROWS_WITH(Dir::open(temp.file("nowhere")), Catch::Contains("nowhere: No such file or directory"));
    CHECK_THROWS_WITH(Dir::create(temp.file("no/where")), Catch::Contains("make the image directory"));
}
