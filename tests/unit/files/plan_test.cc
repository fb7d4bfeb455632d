// Images that somebody made up: every one is refused with the reason, before anything is opened.
#include "unit/files/round_trip.h"

#include "libcr/files/build_id.h"
#include "libcr/files/reg.h"
#include "libcr/image/writer.h"
#include "pipe-data.pb.h"

using namespace cr;
using namespace cr::test;

namespace
{

void set_owner(img::fown_entry &owner)
{
    owner.set_uid(0);
    owner.set_euid(0);
    owner.set_signum(0);
    owner.set_pid_type(0);
    owner.set_pid(0);
}

img::file_entry reg(uint32_t id, const std::string &name, uint32_t flags = O_RDONLY)
{
    img::file_entry entry;
    entry.set_type(img::REG);
    entry.set_id(id);
    auto &reg = *entry.mutable_reg();
    reg.set_id(id);
    reg.set_flags(flags);
    reg.set_pos(0);
    reg.set_name(name);
    set_owner(*reg.mutable_fown());
    return entry;
}

img::file_entry pipe(uint32_t id, uint32_t pipe_id, uint32_t flags)
{
    img::file_entry entry;
    entry.set_type(img::PIPE);
    entry.set_id(id);
    auto &pipe = *entry.mutable_pipe();
    pipe.set_id(id);
    pipe.set_pipe_id(pipe_id);
    pipe.set_flags(flags);
    set_owner(*pipe.mutable_fown());
    return entry;
}

img::file_entry epoll(uint32_t id, std::vector<std::pair<img::fd_types, uint32_t>> targets)
{
    img::file_entry entry;
    entry.set_type(img::EVENTPOLL);
    entry.set_id(id);
    auto &epoll = *entry.mutable_epfd();
    epoll.set_id(id);
    epoll.set_flags(O_RDWR);
    set_owner(*epoll.mutable_fown());
    for (auto [type, target] : targets) {
        auto &tfd = *epoll.add_tfd();
        tfd.set_id(id);
        tfd.set_tfd(target);
        tfd.set_events(1);
        tfd.set_data(0);
        tfd.set_cr_target_type(static_cast<uint32_t>(type));
        tfd.set_cr_target_id(target);
    }
    return entry;
}

img::fdinfo_entry descriptor(uint32_t fd, img::fd_types type, uint32_t id)
{
    img::fdinfo_entry entry;
    entry.set_fd(fd);
    entry.set_type(type);
    entry.set_id(id);
    entry.set_flags(0);
    return entry;
}

// A set with one task, pid 7, whose working directory and root are file 1.
struct Set {
    TempDir dir;
    image::Dir images = image::Dir::open(dir.path());
    std::vector<img::file_entry> files = {reg(1, "/", O_DIRECTORY)};
    std::vector<img::fdinfo_entry> table;

    void write_pipes(const std::vector<img::pipe_data_entry> &records)
    {
        image::Writer writer(images, image::Kind::PipesData);
        for (auto &record : records)
            writer.put(record);
        writer.finish();
    }
    files::Plan plan()
    {
        image::Writer files_image(images, image::Kind::Files), table_image(images, image::Kind::Fdinfo, 3);
        for (auto &entry : files)
            files_image.put(entry);
        files_image.finish();
        for (auto &entry : table)
            table_image.put(entry);
        table_image.finish();
        img::fs_entry fs;
        fs.set_cwd_id(1);
        fs.set_root_id(1);
        image::write_one(images, image::Kind::Fs, 7, fs);
        return files::Plan(images, {{7, 3}}, {});
    }
};

#define REFUSED(set, text) CHECK_THROWS_WITH((set).plan(), Catch::Contains(text))

} // namespace

TEST_CASE("a plan gives every description its number")
{
    Set set;
    set.files.push_back(reg(9, "/dev/null"));
    set.table = {descriptor(5, img::REG, 9), descriptor(0, img::REG, 9)};
    files::Plan plan = set.plan();
    CHECK(plan.opener_fd(1) == 64);
    CHECK(plan.opener_fd(9) == 65);
    CHECK(plan.table(7).front().fd() == 0);
    CHECK(plan.describe() == std::vector<std::string>{"64: /", "65: /dev/null"});
    CHECK_THROWS_AS(plan.opener_fd(2), Error);
}

TEST_CASE("references, ids and numbers are checked")
{
    Set set;
    SECTION("a descriptor of a file that is not there")
    {
        set.table = {descriptor(0, img::REG, 2)};
        REFUSED(set, "no file of id 2");
    }
    SECTION("a descriptor of another type than its file")
    {
        set.table = {descriptor(0, img::PIPE, 1)};
        REFUSED(set, "no file of id 1");
    }
    SECTION("an id twice")
    {
        set.files.push_back(reg(1, "/dev/null"));
        REFUSED(set, "comes twice");
    }
    SECTION("a number twice")
    {
        set.table = {descriptor(4, img::REG, 1), descriptor(4, img::REG, 1)};
        REFUSED(set, "descriptor 4 comes twice");
    }
    SECTION("numbers out of range")
    {
        set.table = {descriptor(UINT32_MAX, img::REG, 1)};
        REFUSED(set, "descriptor number");
        set.table = {descriptor(INT32_MAX - 1, img::REG, 1)};
        REFUSED(set, "above the limit");
    }
    SECTION("a kind that is not supported")
    {
        img::file_entry &entry = set.files.emplace_back();
        entry.set_type(img::TUNF);
        entry.set_id(2);
        REFUSED(set, "not supported");
    }
    SECTION("a type without its part")
    {
        for (auto type :
             {img::PIPE, img::FIFO, img::EVENTFD, img::EVENTPOLL, img::SIGNALFD, img::TIMERFD, img::TTY,
              img::BPFMAP}) {
            Set each;
            img::file_entry &entry = each.files.emplace_back();
            entry.set_type(type);
            entry.set_id(2);
            REFUSED(each, "without");
        }
    }
    SECTION("a working directory that is a file")
    {
        set.files[0].mutable_reg()->set_mode(S_IFREG | 0644);
        REFUSED(set, "directory");
    }
    SECTION("no table, no directories") { CHECK_THROWS_AS(files::Plan(set.images, {{7, 3}}, {}), Error); }
    SECTION("a shared table")
    {
        set.plan();
        CHECK_THROWS_WITH(files::Plan(set.images, {{7, 3}, {8, 3}}, {}), Catch::Contains("fs-8.img"));
        img::fs_entry fs;
        fs.set_cwd_id(1);
        fs.set_root_id(1);
        image::write_one(set.images, image::Kind::Fs, 8, fs);
        files::Plan plan(set.images, {{7, 3}, {8, 3}}, {});
        CHECK(&plan.table(7) == &plan.table(8));
    }
}

TEST_CASE("names are checked")
{
    for (std::string name :
         {std::string("tmp/x"), std::string(), std::string("/tmp/a\0b", 8), "/" + std::string(5000, 'x')}) {
        Set set;
        set.files.push_back(reg(2, name));
        REFUSED(set, "absolute name");
    }
}

TEST_CASE("contents of pipes are checked")
{
    Set set;
    set.files.push_back(pipe(2, 5, O_RDONLY));
    auto record = [](uint32_t id, uint32_t bytes, uint32_t size) {
        img::pipe_data_entry entry;
        entry.set_pipe_id(id);
        entry.set_bytes(bytes);
        entry.set_size(size);
        return entry;
    };
    SECTION("more than there is")
    {
        set.write_pipes({record(5, 1000, 4096)});
        CHECK_THROWS_AS(set.plan(), Error);
    }
    SECTION("more than fits")
    {
        set.write_pipes({record(5, 5000, 4096)});
        REFUSED(set, "5000 bytes in a pipe of 4096");
    }
    SECTION("twice")
    {
        set.write_pipes({record(5, 0, 4096), record(5, 0, 4096)});
        REFUSED(set, "comes twice");
    }
    SECTION("an impossible mode")
    {
        set.files.push_back(pipe(3, 5, O_ACCMODE));
        REFUSED(set, "open flags");
    }
}

TEST_CASE("epolls are checked")
{
    Set set;
    SECTION("a target that is not there")
    {
        set.files.push_back(epoll(2, {{img::EVENTFD, 3}}));
        REFUSED(set, "missing");
    }
    SECTION("a circle")
    {
        set.files.push_back(epoll(2, {{img::EVENTPOLL, 3}}));
        set.files.push_back(epoll(3, {{img::EVENTPOLL, 4}}));
        set.files.push_back(epoll(4, {{img::EVENTPOLL, 2}}));
        REFUSED(set, "circle: 4 3 2");
    }
    SECTION("no circle: two ways to one")
    {
        set.files.push_back(epoll(2, {{img::EVENTPOLL, 3}, {img::EVENTPOLL, 4}}));
        set.files.push_back(epoll(3, {{img::EVENTPOLL, 4}}));
        set.files.push_back(epoll(4, {{img::REG, 1}}));
        CHECK_NOTHROW(set.plan());
    }
    SECTION("itself")
    {
        set.files.push_back(epoll(2, {{img::EVENTPOLL, 2}}));
        REFUSED(set, "circle: 2");
    }
}

TEST_CASE("a file that is not what it was is refused when it is opened")
{
    TempDir dir;
    dir.write("file", "12345");
    std::string name = dir.file("file");
    img::file_entry entry = reg(2, name);
    entry.mutable_reg()->set_size(5);
    entry.mutable_reg()->set_mode(S_IFREG | 0644);
    ::chmod(name.c_str(), 0644);
    auto open = [&](files::RestoreOptions options = {}) {
        return static_cast<bool>(files::open_reg(entry.reg(), entry.reg().flags(), options));
    };
    CHECK(open());
    SECTION("size")
    {
        dir.write("file", "123456");
        CHECK_THROWS_WITH(open(), Catch::Contains("has 6 bytes, at the dump it had 5"));
    }
    SECTION("mode")
    {
        ::chmod(name.c_str(), 0600);
        CHECK_THROWS_WITH(open(), Catch::Contains("0600") && Catch::Contains("0644"));
        files::RestoreOptions options;
        options.check_mode = false;
        CHECK(open(options));
    }
    SECTION("type: a FIFO is not waited for")
    {
        ::unlink(name.c_str());
        ::mkfifo(name.c_str(), 0644);
        CHECK_THROWS_WITH(open(), Catch::Contains("another type"));
    }
    SECTION("gone")
    {
        ::unlink(name.c_str());
        CHECK_THROWS_WITH(open(), Catch::Contains("No such file"));
    }
}

TEST_CASE("build ids are compared, whether stored as words or as bytes")
{
    std::string path = std::filesystem::canonical("/bin/sh");
    img::file_entry entry = reg(2, path);
    Fd shell(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string id = files::build_id_of(shell.get());
    REQUIRE(id.size() == 20);
    auto store = [&](bool words, unsigned char spoil) {
        entry.mutable_reg()->clear_build_id();
        for (size_t i = 0; i < id.size(); i += words ? 4 : 1) {
            uint32_t value = 0;
            memcpy(&value, id.data() + i, words ? 4 : 1);
            entry.mutable_reg()->add_build_id(value ^ spoil);
        }
        return static_cast<bool>(files::open_reg(entry.reg(), O_RDONLY, {}));
    };
    CHECK(store(true, 0));
    CHECK(store(false, 0));
    CHECK_THROWS_WITH(store(true, 1), Catch::Contains("build id"));
    CHECK_THROWS_WITH(store(false, 1), Catch::Contains("build id"));
}
