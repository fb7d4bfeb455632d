// Each kind of descriptor but named files and pipes, from a task through images into another.
#include "unit/files/round_trip.h"

#include "libcr/files/blockers.h"

#include <poll.h>
#include <pty.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/magic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/vfs.h>

using namespace cr;
using namespace cr::test;

namespace
{

std::string field(const Child &task, int fd, const char *key)
{
    return std::string(files::TaskFiles(task.pid()).all_facts(fd)->info.field(key).value_or("absent"));
}

void same_field(const Child &a, const Child &b, int fd, const char *key)
{
    INFO("fd " << fd << ", " << key);
    CHECK(field(a, fd, key) == field(b, fd, key));
}

int ready(const Child &task, int fd) // events of an epoll
{
    epoll_event events[16];
    return ::epoll_wait(copy_of(task, fd).get(), events, 16, 0);
}

} // namespace

TEST_CASE("eventfds come back with counter, flags and semaphore")
{
    Child from = stopped_child([] {
        ::eventfd(7, EFD_SEMAPHORE);              // 0
        ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); // 1
        uint64_t big = 0x123456789abcdef0;
        ::write(::eventfd(0, 0), &big, sizeof big); // 2
    });
    auto restored = round_trip(from);
    CHECK(table_of(restored->task) == table_of(from));
    for (int fd : {0, 1, 2})
        same_field(restored->task, from, fd, "eventfd-count");
    same_field(restored->task, from, 0, "eventfd-semaphore");
    same_field(restored->task, from, 1, "eventfd-semaphore");
}

TEST_CASE("signalfds come back with their masks")
{
    Child from = stopped_child([] {
        sigset_t mask;
        ::sigemptyset(&mask);
        ::sigaddset(&mask, SIGUSR1);
        ::sigaddset(&mask, SIGRTMAX);
        ::signalfd(-1, &mask, SFD_NONBLOCK);
    });
    auto restored = round_trip(from);
    CHECK(table_of(restored->task) == table_of(from));
    same_field(restored->task, from, 0, "sigmask");
}

TEST_CASE("timerfds come back with clock, time left, interval and ticks")
{
    Child from = stopped_child([] {
        itimerspec in_an_hour{{0, 0}, {3600, 5}}, often{{0, 1000000}, {0, 1}}, never{}, once{{0, 0}, {0, 1}};
        ::timerfd_settime(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), 0, &in_an_hour, nullptr); // 0
        ::timerfd_settime(::timerfd_create(CLOCK_BOOTTIME, 0), 0, &often, nullptr);                  // 1
        ::timerfd_settime(::timerfd_create(CLOCK_MONOTONIC, 0), 0, &never, nullptr);                 // 2
        ::timerfd_settime(::timerfd_create(CLOCK_MONOTONIC, 0), 0, &once, nullptr);                  // 3
        timespec now;
        ::clock_gettime(CLOCK_REALTIME, &now);
        itimerspec later{{10, 0}, {now.tv_sec + 500, 0}};
        ::timerfd_settime(::timerfd_create(CLOCK_REALTIME, 0), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
                          &later,
                          nullptr); // 4
        ::usleep(20000);
    });
    auto restored = round_trip(from);
    const Child &task = restored->task;
    CHECK(table_of(task) == table_of(from));
    for (int fd = 0; fd < 5; fd++)
        for (const char *key : {"clockid", "settime flags", "it_interval"})
            same_field(task, from, fd, key);
    for (int fd : {2, 3})
        for (const char *key : {"ticks", "it_value"})
            same_field(task, from, fd, key);
    auto left = [](const Child &of, int fd) {
        itimerspec spec;
        REQUIRE(::timerfd_gettime(copy_of(of, fd).get(), &spec) == 0);
        return spec.it_value.tv_sec * 1000 + spec.it_value.tv_nsec / 1000000;
    };
    CHECK(std::abs(left(task, 0) - left(from, 0)) < 1000);
    // Due at the same moment, whenever each is asked.
    long before = left(from, 4), its = left(task, 4), after = left(from, 4);
    CHECK(its <= before + 1);
    CHECK(its + 1 >= after);
    uint64_t ticks = 0;
    CHECK(::read(copy_of(task, 1).get(), &ticks, sizeof ticks) == sizeof ticks);
    CHECK(ticks >= 19);
}

TEST_CASE("FIFOs come back with contents, opened from one side or both")
{
    TempDir dir;
    std::string a = dir.file("a"), b = dir.file("b");
    REQUIRE(::mkfifo(a.c_str(), 0600) == 0);
    REQUIRE(::mkfifo(b.c_str(), 0600) == 0);
    Child from = stopped_child([&] {
        ::open(a.c_str(), O_RDONLY | O_NONBLOCK); // 0
        ::open(a.c_str(), O_WRONLY);              // 1
        ::write(1, "through a", 9);
        ::open(b.c_str(), O_RDONLY | O_NONBLOCK); // 2
        ::open(b.c_str(), O_WRONLY);              // 3
        ::write(3, "left in b", 9);
        ::close(3);
        ::open(a.c_str(), O_RDWR | O_CLOEXEC); // 3
    });
    auto restored = [&] {
        TempDir images_dir;
        image::Dir images = image::Dir::open(images_dir.path());
        dump(from, images);
        auto before = table_of(from);
        pid_t pid = from.pid();
        from = Child(); // gone, and the contents of the FIFOs with it
        files::Plan plan(images, {{pid, 1}}, {});
        Child opener = run_opener(plan);
        Child task = run_table(plan, pid, opener);
        CHECK(table_of(task) == before);
        return task;
    }();
    char buffer[20];
    CHECK(::read(copy_of(restored, 0).get(), buffer, sizeof buffer) == 9);
    CHECK(std::string(buffer, 9) == "through a");
    CHECK(::read(copy_of(restored, 2).get(), buffer, sizeof buffer) == 9);
    CHECK(std::string(buffer, 9) == "left in b");
    CHECK(::read(copy_of(restored, 2).get(), buffer, sizeof buffer) == 0); // nobody writes
}

TEST_CASE("epolls come back with their targets, moved ones and nested ones")
{
    auto watch = [](int epoll, int fd, uint32_t events, uint64_t data) {
        epoll_event event{events, {}};
        event.data.u64 = data;
        return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    };
    Child from = stopped_child([&] {
        ::epoll_create1(EPOLL_CLOEXEC); // 0
        ::eventfd(1, 0);                // 1
        ::eventfd(0, 0);                // 2
        watch(0, 1, EPOLLIN | EPOLLET, 0x1111222233334444);
        watch(0, 2, EPOLLIN | EPOLLONESHOT, 2);
        ::dup3(1, 70, 0); // added as 70, then moved to 71; 70 is another file
        watch(0, 70, EPOLLIN, 70);
        ::dup3(70, 71, 0);
        ::dup3(2, 70, 0);
        watch(0, 70, EPOLLOUT, 700);
        ::epoll_create1(0); // 3
        watch(3, 0, EPOLLIN, 3);
        watch(3, 1, EPOLLIN | EPOLLEXCLUSIVE, 4);
        ::epoll_create1(0); // 4, see below
        ::epoll_create1(0); // 5, with a one-shot that is used up
        watch(5, 1, EPOLLIN | EPOLLONESHOT, 5);
        epoll_event event;
        ::epoll_wait(5, &event, 1, 0);
        // 4, watching what is at the opener's own number for it
        for (int fd = 64; fd < 90; fd++) {
            ::dup3(1, fd, 0);
            watch(4, fd, EPOLLIN, static_cast<uint64_t>(fd));
        }
    });
    auto restored = round_trip(from);
    const Child &task = restored->task;
    CHECK(table_of(task) == table_of(from));
    auto lines = [](const Child &of, int fd) {
        std::vector<std::string> out;
        files::Facts facts = *files::TaskFiles(of.pid()).all_facts(fd);
        for (std::string_view line : facts.info.fields("tfd"))
            out.emplace_back(line);
        std::sort(out.begin(), out.end());
        return out;
    };
    for (int fd : {0, 3, 4})
        CHECK(lines(task, fd) == lines(from, fd));
    CHECK(ready(task, 0) == ready(from, 0));
    CHECK(lines(restored->task, 5) == lines(from, 5));
    CHECK(ready(task, 5) == 0);
    CHECK(ready(task, 3) == ready(from, 3));
    CHECK(ready(task, 4) == 16);
}

TEST_CASE("an epoll whose target is gone is refused")
{
    Child from = stopped_child([] {
        ::epoll_create1(0);
        int fds[2];
        ::pipe(fds);
        epoll_event event{EPOLLIN, {}};
        ::epoll_ctl(0, EPOLL_CTL_ADD, 1, &event);
        if (::fork() == 0) { // keeps the pipe alive outside of the tree
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::pause();
        }
        ::close(1);
    });
    TempDir dir;
    image::Dir images = image::Dir::open(dir.path());
    files::DumpOptions options;
    options.external.push_back(files::TaskFiles(from.pid()).facts(2)->link);
    CHECK_THROWS_WITH(dump(from, images, options), Catch::Contains("added as descriptor 1"));
}

TEST_CASE("owner and signal of a description come back")
{
    Child from = stopped_child([] {
        int fds[2];
        ::pipe(fds);
        ::fcntl(0, F_SETSIG, SIGRTMIN);
        ::fcntl(0, F_SETOWN, ::getpid());
        ::fcntl(0, F_SETFL, O_ASYNC | O_NONBLOCK);
    });
    auto restored = round_trip(from);
    Fd fd = copy_of(restored->task, 0);
    CHECK(::fcntl(fd.get(), F_GETSIG) == SIGRTMIN);
    CHECK(::fcntl(fd.get(), F_GETOWN) == from.pid());
    CHECK((::fcntl(fd.get(), F_GETFL) & (O_ASYNC | O_NONBLOCK)) == (O_ASYNC | O_NONBLOCK));
}

TEST_CASE("a terminal is refused without --shell-job, and given back with it")
{
    int master, slave;
    char name[64];
    REQUIRE(::openpty(&master, &slave, name, nullptr, nullptr) == 0);
    Child from = stopped_child([&] {
        ::open(name, O_RDWR | O_NOCTTY);
        ::open(name, O_WRONLY | O_APPEND | O_NOCTTY);
    });
    std::vector<Blocker> found;
    files::DumpOptions options;
    files::BlockerSearch search(options);
    search.look(from.pid(), found);
    CHECK(found.empty());
    search.finish(found);
    REQUIRE(found.size() == 2);
    CHECK(found[0].remedy.find("--shell-job") != std::string::npos);

    files::DumpOptions dump_options;
    dump_options.shell_job = true;
    files::RestoreOptions restore_options;
    restore_options.shell_job = true;
    restore_options.terminal = slave;
    auto restored = round_trip(from, dump_options, restore_options);
    CHECK(table_of(restored->task) == table_of(from));
    if (files::callers_terminal(-1).empty()) // else ours would do
        CHECK_THROWS_WITH(files::Plan(*restored->images, {{from.pid(), 1}}, {}), Catch::Contains("--stdio"));
    restore_options = {};
    restore_options.stdio = "null";
    files::Plan replaced(*restored->images, {{from.pid(), 1}}, restore_options);
    std::vector<std::optional<int>> stands_for;
    for (const img::fdinfo_entry &entry : replaced.table(from.pid()))
        stands_for.push_back(replaced.terminals().replaced(replaced.get(entry.type(), entry.id())));
    CHECK(stands_for == std::vector<std::optional<int>>{0, 1});
    ::close(master);
    ::close(slave);
}

TEST_CASE("a pseudo terminal of the tree comes back under its name, with what waits in it")
{
    Child from = stopped_child([] {
        int master, slave;
        ::openpty(&master, &slave, nullptr, nullptr, nullptr); // 0, 1
        (void)!::write(0, "typed\n", 6);
        (void)!::write(1, "shown", 5);
    });
    auto restored = round_trip(from);
    CHECK(files::TaskFiles(restored->task.pid()).facts(1)->link.starts_with("/dev/pts/"));
    Fd slave = copy_of(restored->task, 1), master = copy_of(restored->task, 0);
    char text[64];
    CHECK(::read(slave.get(), text, sizeof text) == 6);
    CHECK(::read(master.get(), text, sizeof text) == 12); // the echo, then the output
}

TEST_CASE("a pipe of which somebody outside has an end is seen before anything is done")
{
    int with_us[2], alone[2];
    REQUIRE(::pipe(with_us) == 0);
    std::string ours = cat("/proc/", ::getpid(), "/fd/", with_us[0]);
    Child from = stopped_child([&] {
        ::open(ours.c_str(), O_RDONLY); // 0: the writing end is ours
        ::pipe(alone);
        ::close(alone[1]); // nobody has it
    });
    files::DumpOptions options;
    files::TaskFiles task(from.pid());
    auto is_outside = [&](int fd) {
        files::PipeEnds ends;
        ends.add(*task.facts(fd));
        return files::other_end_outside(ends, task.pidfd(), options);
    };
    CHECK(is_outside(0));
    CHECK(!is_outside(1));
    options.external.push_back(task.facts(0)->link);
    CHECK(!is_outside(0));
    ::close(with_us[0]);
    ::close(with_us[1]);
}

TEST_CASE("what cannot be saved is told by name, everything at once")
{
    TempDir dir;
    for (const char *name : {"locked", "gone", "moved", "hard"}) // the last has another name
        dir.write(name, "x");
    auto file = [&](const char *name) { return dir.file(name); };
    ::link(file("hard").c_str(), file("other").c_str());
    Child from = stopped_child([&] {
        struct {
            nlmsghdr header;
            rtgenmsg body;
        } ask{{sizeof ask, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 0, 0}, {AF_UNSPEC}};
        ::send(::socket(AF_NETLINK, SOCK_RAW, 0), &ask, sizeof ask, 0); // 0, with an answer
        ::flock(::open(file("locked").c_str(), O_RDWR), LOCK_EX); // 1
        ::open(file("gone").c_str(), O_RDWR);                     // 2
        ::open(file("moved").c_str(), O_RDWR);                    // 3: fine
        ::open(file("hard").c_str(), O_RDWR);                     // 4
        ::open("/proc/self/status", O_RDONLY);                    // 5
        int fds[2];
        ::pipe2(fds, O_DIRECT);                   // 6 7: the writing end
        ::syscall(SYS_memfd_create, "m", 0);      // 8
        ::syscall(SYS_pidfd_open, ::getpid(), 0); // 9
        ::open("/proc/self/ns/net", O_RDONLY);    // 10: of its own namespace
    });
    ::unlink(file("gone").c_str());
    ::unlink(file("hard").c_str());
    ::rename(file("moved").c_str(), file("aside").c_str());
    std::vector<Blocker> found;
    files::DumpOptions options;
    options.ghost_limit = 0;
    files::BlockerSearch(options).look(from.pid(), found);
    std::string all;
    for (const Blocker &blocker : found)
        all += blocker.subject + ": " + blocker.reason + "; " + blocker.remedy + "\n";
    INFO(all);
    // A file in memory has no limit.
    struct statfs system;
    REQUIRE(::statfs(file(".").c_str(), &system) == 0);
    const bool on_disk = system.f_type != TMPFS_MAGIC;
    CHECK(found.size() == (on_disk ? 3 : 2));
    for (const char *text : {"fd 0 (socket:", "that nobody has read yet", "file lock"})
        CHECK(all.find(text) != std::string::npos);
    CHECK((all.find("has been deleted") != std::string::npos) == on_disk);
}

TEST_CASE("a unix socket whose other end is outside of the tree names both")
{
    TempDir dir;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    dir.file("server").copy(address.sun_path, sizeof address.sun_path - 1);
    auto *where = reinterpret_cast<sockaddr *>(&address);
    int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE((::bind(server, where, sizeof address) == 0 && ::listen(server, 1) == 0));
    Child child = stopped_child([&] { ::connect(::socket(AF_UNIX, SOCK_STREAM, 0), where, sizeof address); });
    int accepted = ::accept(server, nullptr, nullptr);
    std::vector<Blocker> found;
    files::DumpOptions options;
    files::BlockerSearch search(options);
    search.look(child.pid(), found);
    search.finish(found);
    REQUIRE(found.size() == 1);
    INFO(found[0].reason << "; " << found[0].remedy);
    CHECK(found[0].reason.find(cat("pid ", ::getpid(), " (unit), fd ", accepted)) != std::string::npos);
    CHECK(found[0].remedy.find("--external unix[") != std::string::npos);
    ::close(accepted);
    ::close(server);
}
