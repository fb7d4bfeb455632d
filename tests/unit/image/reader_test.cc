// Records written and read back, and every way in which the bytes can be wrong.
#include "cgroup.pb.h"
#include "core.pb.h"
#include "libcr/base/error.h"
#include "libcr/image/reader.h"
#include "libcr/image/writer.h"
#include "pipe-data.pb.h"
#include "pstree.pb.h"
#include "unit/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

using namespace cr;
using namespace cr::image;
using cr::test::TempDir;

namespace
{

img::pstree_entry task(uint32_t pid)
{
    img::pstree_entry e;
    e.set_pid(pid);
    e.set_ppid(1);
    e.set_pgid(pid);
    e.set_sid(pid);
    e.add_threads(pid);
    return e;
}

std::string u32(uint32_t v) { return {reinterpret_cast<const char *>(&v), sizeof v}; }

// The sentence of the Error of kind Image that `run` throws; empty when it throws none.
template <class Run> std::string image_error(Run run)
{
    try {
        run();
    } catch (const Error &e) {
        CHECK(e.kind() == Error::Kind::Image);
        return e.what();
    }
    return {};
}

std::string read_error(const Dir &dir)
{
    return image_error([&] { read_all<img::pstree_entry>(dir, Kind::Pstree); });
}

const std::string kNormal = u32(0x54564319) + u32(0x50273030);

} // namespace

TEST_CASE("records come back as they were put, in every framing")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    for (const Entry &e : catalog()) {
        if (e.framing == Framing::Raw)
            continue;
        INFO(e.stem);
        size_t n = e.records == Records::Single ? 1 : 3;
        Writer writer(dir, e.kind, 5);
        for (size_t i = 0; i < n; i++) {
            writer.put(task(100 + i));
            if (e.payload)
                writer.put_raw("payload", 7);
        }
        writer.finish();
        RecordReader reader(dir, e.kind, 5);
        img::pstree_entry back;
        for (size_t i = 0; i < n; i++) {
            REQUIRE(reader.next(back));
            CHECK(back.SerializeAsString() == task(100 + i).SerializeAsString());
            if (e.payload)
                CHECK(reader.payload(7) == "payload");
        }
        CHECK_FALSE(reader.next(back));
        CHECK(reader.remaining() == 0);
    }
    CHECK(dir.files().size() ==
          static_cast<size_t>(std::count_if(catalog().begin(), catalog().end(),
                                            [](auto &e) { return e.framing != Framing::Raw; })));
}

TEST_CASE("the bytes on disk are the format's")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    write_one(dir, Kind::Pstree, 0, task(7));
    std::string record = task(7).SerializeAsString();
    CHECK(temp.read("pstree.img") == kNormal + u32(record.size()) + record);
    struct stat st;
    REQUIRE(::stat(temp.file("pstree.img").c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
}

TEST_CASE("an image of version 1 has its own magic only")
{
    TempDir temp;
    std::string record = task(7).SerializeAsString();
    temp.write("pstree.img", u32(0x50273030) + u32(record.size()) + record);
    CHECK(read_all<img::pstree_entry>(Dir::open(temp.path()), Kind::Pstree).size() == 1);
}

TEST_CASE("large payload and large records pass through")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    std::string big(3 << 20, 'x');
    img::pstree_entry wide = task(1);
    for (uint32_t i = 0; i < 300000; i++)
        wide.add_threads(i);
    Writer writer(dir, Kind::PipesData);
    for (size_t n : {size_t{0}, size_t{1}, size_t{70000}, big.size()}) {
        img::pipe_data_entry e;
        e.set_pipe_id(1);
        e.set_bytes(n);
        writer.put(e);
        writer.put_raw(big.data(), n);
    }
    writer.put(wide);
    writer.finish();

    RecordReader reader(dir, Kind::PipesData);
    img::pipe_data_entry e;
    for (size_t n : {size_t{0}, size_t{1}, size_t{70000}, big.size()}) {
        REQUIRE(reader.next(e));
        REQUIRE(e.bytes() == n);
        if (n == 70000)
            reader.skip(n);
        else
            CHECK(reader.payload(n) == big.substr(0, n));
    }
    img::pstree_entry back;
    REQUIRE(reader.next(back));
    CHECK(back.threads_size() == 300001);
    CHECK_FALSE(reader.next(back));
}

TEST_CASE("a message without a required field is not written")
{
    TempDir temp;
    img::pstree_entry half;
    half.set_pid(1);
    CHECK_THROWS_WITH(write_one(Dir::open(temp.path()), Kind::Pstree, 0, half),
                      Catch::Contains("pstree.img") && Catch::Contains("pstree_entry"));
}

TEST_CASE("every truncation is an error that names the file")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    Writer writer(dir, Kind::Pstree);
    writer.put(task(1000));
    size_t first_end = 8 + 4 + task(1000).ByteSizeLong();
    writer.put(task(1001));
    writer.finish();
    const std::string whole = temp.read("pstree.img");
    for (size_t n = 0; n < whole.size(); n++) {
        INFO(n << " of " << whole.size() << " bytes");
        temp.write("pstree.img", whole.substr(0, n));
        std::string error = read_error(dir);
        if (n == 8 || n == first_end)
            CHECK(error.empty());
        else
            CHECK(error.starts_with("pstree.img: "));
    }
}

TEST_CASE("every truncation of a single image is an error")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    write_one(dir, Kind::Core, 42, task(1));
    const std::string whole = temp.read("core-42.img");
    for (size_t n = 0; n < whole.size(); n++) {
        temp.write("core-42.img", whole.substr(0, n));
        CHECK(image_error([&] {
                  read_one<img::pstree_entry>(dir, Kind::Core, 42);
              }).starts_with("core-42.img: "));
    }
    temp.write("core-42.img", whole + "x");
    CHECK(image_error([&] { read_one<img::pstree_entry>(dir, Kind::Core, 42); }) ==
          "core-42.img: record 1: is followed by 1 bytes that do not belong there");
}

TEST_CASE("no byte changed makes anything worse than an error")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    Writer writer(dir, Kind::Pstree);
    writer.put(task(1000));
    writer.put(task(1001));
    writer.finish();
    const std::string whole = temp.read("pstree.img");
    for (size_t i = 0; i < whole.size(); i++)
        for (int value : {0x00, 0x01, 0x7f, 0x80, 0xff, whole[i] ^ 0x04}) {
            std::string bytes = whole;
            bytes[i] = static_cast<char>(value);
            temp.write("pstree.img", bytes);
            read_error(dir);
        }
}

TEST_CASE("a length beyond the file allocates nothing")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    for (uint32_t length : {1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
        temp.write("pstree.img", kNormal + u32(length));
        CHECK_THAT(read_error(dir), Catch::StartsWith("pstree.img: record 1: is said to have"));
    }
    temp.write("pipes-data.img", u32(0x54564319) + u32(0x56453709));
    RecordReader reader(dir, Kind::PipesData);
    CHECK_FALSE(image_error([&] { reader.payload(uint64_t{1} << 60); }).empty());
    CHECK_FALSE(image_error([&] { reader.skip(1); }).empty());
}

TEST_CASE("wrong magics are told")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    for (const std::string &magic :
         {u32(0), u32(0x54564319) + u32(0x55053847), u32(0x55105940) + u32(0x50273030), u32(0x58313116)}) {
        temp.write("pstree.img", magic);
        CHECK_THAT(read_error(dir), Catch::StartsWith("pstree.img: magic is 0x"));
    }
    temp.write("inventory.img", u32(0x54564319) + u32(0x58313116));
    CHECK_THAT(image_error([&] { RecordReader(dir, Kind::Inventory); }),
               Catch::Contains("0x58313116 must be"));
    temp.write("stats-dump", u32(0x57093306));
    CHECK_THAT(image_error([&] { RecordReader(dir, Kind::StatsDump); }),
               Catch::Contains("0x55105940 must be"));
}

TEST_CASE("bytes that are no message, or one that lacks a field")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    temp.write("pstree.img", kNormal + u32(2) + "\xff\xff");
    CHECK(read_error(dir) == "pstree.img: record 1: is not a cr.img.pstree_entry");
    temp.write("pstree.img", kNormal + u32(0));
    CHECK(read_error(dir) == "pstree.img: record 1: lacks a required field of cr.img.pstree_entry");
    // An end-group tag ends a message for the parser: what follows it must not be taken for nothing.
    std::string record = task(1).SerializeAsString() + "\x0c";
    temp.write("pstree.img", kNormal + u32(record.size()) + record);
    CHECK(read_error(dir) == "pstree.img: record 1: is not a cr.img.pstree_entry");
}

TEST_CASE("messages nested without end do not reach the end of the stack")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    img::cgroup_dir_entry nested;
    nested.set_dir_name("d");
    for (int i = 0; i < 2000; i++) {
        img::cgroup_dir_entry outer;
        outer.set_dir_name("d");
        outer.add_children()->Swap(&nested);
        nested.Swap(&outer);
    }
    write_one(dir, Kind::Cgroup, 0, nested);
    CHECK_FALSE(image_error([&] { read_one<img::cgroup_dir_entry>(dir, Kind::Cgroup); }).empty());
}

TEST_CASE("missing files: optional ones are empty, others are told")
{
    TempDir temp;
    Dir dir = Dir::open(temp.path());
    CHECK(read_all<img::pstree_entry>(dir, Kind::Pstree).empty());
    CHECK_FALSE(read_optional<img::core_entry>(dir, Kind::Core, 1));
    CHECK(image_error([&] { read_one<img::core_entry>(dir, Kind::Core, 1); }) == "core-1.img: is missing");
    CHECK(image_error([&] { RecordReader(dir, Kind::Pstree); }) == "pstree.img: is missing");
}

TEST_CASE("no link and no device is taken for an image")
{
    TempDir temp, elsewhere;
    Dir dir = Dir::open(temp.path());
    write_one(Dir::open(elsewhere.path()), Kind::Pstree, 0, task(1));
    REQUIRE(::symlink(elsewhere.file("pstree.img").c_str(), temp.file("pstree.img").c_str()) == 0);
    CHECK(read_error(dir) == "pstree.img: is a symbolic link");
    // Writing replaces the link, not what it leads to.
    write_one(dir, Kind::Pstree, 0, task(2));
    CHECK(read_all<img::pstree_entry>(dir, Kind::Pstree).at(0).pid() == 2);
    CHECK(read_all<img::pstree_entry>(Dir::open(elsewhere.path()), Kind::Pstree).at(0).pid() == 1);

    REQUIRE(::mkfifo(temp.file("core-1.img").c_str(), 0600) == 0);
    CHECK(image_error([&] { read_one<img::core_entry>(dir, Kind::Core, 1); }) ==
          "core-1.img: is not a regular file");
}

TEST_CASE("a null directory swallows and holds nothing")
{
    Dir dir = Dir::null();
    write_one(dir, Kind::Pstree, 0, task(1));
    CHECK(dir.files().empty());
    CHECK_FALSE(dir.has(Kind::Pstree));
    CHECK(read_all<img::pstree_entry>(dir, Kind::Pstree).empty());
}
