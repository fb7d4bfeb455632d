// What CRIU wrote is read: the directory of tests/unit/image/criu-3.17.1.
#include "core.pb.h"
#include "fdinfo.pb.h"
#include "ghost-file.pb.h"
#include "libcr/image/pages.h"
#include "libcr/image/reader.h"
#include "libcr/image/seal.h"
#include "mm.pb.h"
#include "pipe-data.pb.h"
#include "pstree.pb.h"
#include "stats.pb.h"
#include "unit/temp_dir.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <unistd.h>

using namespace cr;
using namespace cr::image;

namespace
{

const std::string kImages = SOURCE_DIR "/tests/unit/image/criu-3.17.1";

// The sizes of the pages files, which are not kept.
const std::map<uint32_t, uint64_t> kPagesBytes = {
    {1, 4096}, {2, 4096}, {3, 6389760}, {4, 5296128}, {5, 5296128}};

} // namespace

TEST_CASE("CRIU's directory is a complete checkpoint")
{
    Complete complete = open_complete(kImages);
    CHECK(complete.inventory.img_version() == 2);
    CHECK(complete.inventory.root_ids().time_ns_id() == 5);
}

TEST_CASE("CRIU's tasks: alive 1, dead 2, stopped 3")
{
    Dir dir = Dir::open(kImages);
    std::map<uint32_t, uint32_t> states, codes;
    for (const auto &task : read_all<img::pstree_entry>(dir, Kind::Pstree)) {
        auto core = read_one<img::core_entry>(dir, Kind::Core, task.pid());
        states[task.pid()] = core.tc().task_state();
        codes[task.pid()] = core.tc().exit_code();
    }
    CHECK(states == std::map<uint32_t, uint32_t>{{163, 1}, {167, 2}, {168, 3}, {169, 1}, {170, 2}});
    CHECK(codes[167] == 3 << 8);
    CHECK(codes[170] == 15);
}

TEST_CASE("every image of CRIU's is known by name and has the records of its kind")
{
    Dir dir = Dir::open(kImages);
    size_t files = 0;
    for (const auto &entry : std::filesystem::directory_iterator(kImages))
        files += entry.path().filename() != "README";
    CHECK(dir.files().size() == files);

    CHECK(read_one<img::mm_entry>(dir, Kind::Mm, 163).vmas_size() > 40);
    CHECK(read_all<img::file_entry>(dir, Kind::Files).size() == 31);
    CHECK(read_all<img::fdinfo_entry>(dir, Kind::Fdinfo, 2).size() == 12);
    CHECK(read_one<img::stats_entry>(dir, Kind::StatsDump).dump().pages_written() == 4146);
}

TEST_CASE("payload of CRIU's")
{
    Dir dir = Dir::open(kImages);
    RecordReader pipes(dir, Kind::PipesData);
    img::pipe_data_entry pipe;
    REQUIRE(pipes.next(pipe));
    CHECK(pipes.payload(pipe.bytes()) == "hello");
    CHECK(pipes.remaining() == 0);

    RecordReader ghost(dir, Kind::GhostFile, 1);
    img::ghost_file_entry file;
    REQUIRE(ghost.next(file));
    CHECK(ghost.payload(ghost.remaining()) == "gonegonegonegonegonegonegonegonegonegone");
}

TEST_CASE("CRIU's pagemaps fill their pages files exactly")
{
    test::TempDir temp;
    std::filesystem::copy(kImages, temp.path(), std::filesystem::copy_options::recursive);
    Dir dir = Dir::open(temp.path());
    for (auto [id, bytes] : kPagesBytes)
        REQUIRE(::ftruncate(dir.create_file(Kind::Pages, id).get(), static_cast<off_t>(bytes)) == 0);
    for (const auto &file : dir.files()) {
        if (file.kind != Kind::Pagemap && file.kind != Kind::PagemapShmem)
            continue;
        Pagemap map = read_pagemap(dir, file.kind, file.id);
        const PageRun &last = map.runs.back();
        CHECK(last.offset + last.nr_pages * kPageSize == kPagesBytes.at(map.pages_id));
    }
}
