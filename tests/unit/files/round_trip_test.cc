#include "unit/files/round_trip.h"

using namespace cr;
using namespace cr::test;

TEST_CASE("named files come back at their numbers, with their flags and offsets")
{
    TempDir dir;
    dir.write("a", "0123456789");
    dir.write("b", "");
    std::string a = dir.file("a"), b = dir.file("b"), d = dir.path();
    Child from = stopped_child([&] {
        ::open("/dev/null", O_RDONLY);                               // 0
        ::lseek(::open(a.c_str(), O_RDWR | O_CLOEXEC), 7, SEEK_SET); // 1
        ::open(b.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK);         // 2
        ::dup3(1, 9, 0);
        ::dup3(::open(d.c_str(), O_PATH | O_DIRECTORY), 40, O_CLOEXEC); // 3, 40
        ::close(3);
        for (int fd = 100; fd < 400; fd++)
            ::dup3(fd % 3 ? 0 : 2, fd, fd % 2 ? O_CLOEXEC : 0);
        ::open(d.c_str(), O_RDONLY | O_DIRECTORY);
        ::chdir(d.c_str());
        ::umask(031);
    });
    auto restored = round_trip(from);
    CHECK(table_of(restored->task) == table_of(from));
    CHECK(::syscall(SYS_kcmp, restored->task.pid(), restored->task.pid(), 0, 1, 9) == 0);
    CHECK(::syscall(SYS_kcmp, restored->task.pid(), restored->task.pid(), 0, 0, 100) == 0);
    CHECK(::syscall(SYS_kcmp, restored->task.pid(), restored->task.pid(), 0, 0, 1) != 0);
    files::TaskFiles files(restored->task.pid());
    CHECK(files.facts(files::kCwd)->link == d);
    CHECK(files.proc().read("status").find("Umask:\t0031") != std::string::npos);
}

TEST_CASE("pipes come back with contents, sizes and ends")
{
    Child from = stopped_child([] {
        int fds[2];
        ::pipe2(fds, 0); // 0 1: both ends, contents
        ::write(1, "hello", 5);
        ::fcntl(1, F_SETPIPE_SZ, 1 << 17);
        ::pipe2(fds, O_NONBLOCK); // 2 3
        std::string big(50000, 'x');
        ::write(3, big.data(), big.size());
        ::close(3);      // only a reading end, contents
        ::pipe2(fds, 0); // 3 4
        ::write(4, "lost", 4);
        ::close(3);                          // only a writing end
        ::open("/proc/self/fd/1", O_RDWR);   // 3: a third description of the first pipe
        ::open("/proc/self/fd/0", O_RDONLY); // 5: a fourth
        ::dup3(1, 6, O_CLOEXEC);
    });
    auto restored = round_trip(from);
    CHECK(table_of(restored->task) == table_of(from));
    const Child &task = restored->task;
    char buffer[100000];
    Fd first = copy_of(task, 5);
    CHECK(::fcntl(first.get(), F_GETPIPE_SZ) == 1 << 17);
    CHECK(::write(copy_of(task, 3).get(), " world", 6) == 6);
    CHECK(::read(copy_of(task, 0).get(), buffer, sizeof buffer) == 11);
    CHECK(std::string(buffer, 11) == "hello world");
    Fd second = copy_of(task, 2);
    CHECK(::read(second.get(), buffer, sizeof buffer) == 50000);
    ::signal(SIGPIPE, SIG_IGN);
    CHECK(::write(copy_of(task, 4).get(), "x", 1) == -1);
    // The original was only looked at.
    CHECK(::read(copy_of(from, 2).get(), buffer, sizeof buffer) == 50000);
    CHECK(::syscall(SYS_kcmp, task.pid(), task.pid(), 0, 1, 6) == 0);
}

TEST_CASE("a pipe to somebody else has no other end unless it is given back")
{
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    int keep = ::fcntl(fds[1], F_DUPFD_CLOEXEC, 10);
    Child from = stopped_child([&] {
        std::string path = cat("/proc/", ::getppid(), "/fd/", keep);
        ::open(path.c_str(), O_WRONLY);
    });
    ::signal(SIGPIPE, SIG_IGN);
    CHECK(::write(copy_of(round_trip(from)->task, 0).get(), "x", 1) == -1);
    files::DumpOptions options;
    std::string link = files::TaskFiles(from.pid()).facts(0)->link;
    options.external.push_back(link);
    files::RestoreOptions given;
    given.inherited.emplace_back(link, keep);
    auto restored = round_trip(from, options, given);
    CHECK(::write(copy_of(restored->task, 0).get(), "there", 5) == 5);
    char buffer[10];
    CHECK(::read(fds[0], buffer, sizeof buffer) == 5);
    ::close(fds[0]);
    ::close(fds[1]);
    ::close(keep);
}
