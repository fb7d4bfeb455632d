// The kernel's tables by BPF against the same by /proc and kcmp.
#include "libcr/sys/file_objects.h"

#include "libcr/files/fact_reader.h"
#include "libcr/files/identity.h"
#include "unit/files/round_trip.h"

#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>

using namespace cr;
using namespace cr::test;

TEST_CASE("descriptors by BPF are those of /proc, and their numbers those of kcmp")
{
    auto objects = sys::FileObjects::make();
    if (!objects) {
        WARN("no BPF iterator here (CAP_BPF, CAP_PERFMON, /sys/kernel/btf/vmlinux)");
        return;
    }
    Child from = stopped_child([] {
        for (int i = 0; i < 300; i++)
            ::open("/dev/null", i % 3 ? O_RDONLY : O_WRONLY | O_APPEND | O_CLOEXEC);
        for (int i = 400; i < 500; i++)
            ::dup3(i % 50, i, i % 2 ? O_CLOEXEC : 0);
        ::lseek(::open("/etc/passwd", O_RDONLY | O_NONBLOCK), 17, SEEK_SET);
        ::open("/", O_PATH | O_CLOEXEC);
        ::eventfd(3, EFD_CLOEXEC);
        int owned = ::open("/etc/passwd", O_RDONLY);
        ::fcntl(owned, F_SETOWN, ::getpid());
        ::fcntl(::dup(::open("/etc/passwd", O_RDONLY)), F_SETSIG, SIGUSR1);
        ::flock(owned, LOCK_SH);
        int pipe[2];
        (void)!::pipe(pipe);
        ::socket(AF_UNIX, SOCK_STREAM, 0);
    });
    files::TaskFiles files(from.pid());
    auto found = objects->of(from.pid());
    REQUIRE(found);
    std::vector<files::Facts> by_proc, by_bpf = files::FactReader().read(files, files::FactReader::Want::All);
    for (int fd : files.candidates())
        if (auto facts = files.all_facts(fd))
            by_proc.push_back(*facts);
    REQUIRE(found->size() == by_proc.size());
    REQUIRE(by_bpf.size() == by_proc.size());
    for (size_t i = 0; i < by_proc.size(); i++) {
        INFO(by_proc[i].subject());
        CHECK(by_bpf[i].fd == by_proc[i].fd);
        CHECK(by_bpf[i].info.flags == by_proc[i].info.flags);
        CHECK(by_bpf[i].info.pos == by_proc[i].info.pos);
        CHECK(by_bpf[i].link == by_proc[i].link);
        CHECK((*found)[i].link == by_proc[i].link);
        CHECK(by_bpf[i].st.st_dev == by_proc[i].st.st_dev);
        CHECK(by_bpf[i].st.st_ino == by_proc[i].st.st_ino);
        CHECK(by_bpf[i].st.st_mode == by_proc[i].st.st_mode);
        CHECK(by_bpf[i].owner.pid == by_proc[i].owner.pid);
        CHECK(by_bpf[i].owner.signum == by_proc[i].owner.signum);
        CHECK((*found)[i].may_be_locked >= by_proc[i].info.field("lock").has_value());
        CHECK(by_bpf[i].object != 0);
    }
    auto pointers = [](const std::vector<files::Facts> &facts) {
        std::vector<const files::Facts *> out;
        for (auto &each : facts)
            out.push_back(&each);
        return out;
    };
    auto never = [](const files::Facts &, const files::Facts &) -> int {
        throw std::logic_error("compared");
    };
    CHECK(files::identify(pointers(by_bpf), never) ==
          files::identify(pointers(by_proc), files::compare_descriptions));
}

TEST_CASE("a large table comes back as a small one does")
{
    Child from = stopped_child([] {
        for (int i = 0; i < 700; i++)
            ::open(i % 2 ? "/dev/null" : "/etc/passwd", O_RDONLY | (i % 5 ? 0 : O_CLOEXEC));
        ::dup3(3, 650, 0);
        ::eventfd(3, EFD_CLOEXEC);
        ::lseek(0, 5, SEEK_SET);
    });
    auto restored = round_trip(from);
    CHECK(table_of(restored->task) == table_of(from));
    CHECK(::syscall(SYS_kcmp, restored->task.pid(), restored->task.pid(), 0, 3, 650) == 0);
    CHECK(::syscall(SYS_kcmp, restored->task.pid(), restored->task.pid(), 0, 3, 5) != 0);
}
