#include "libcr/feature/probes.h"

#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/pagemap.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cr::feature
{

namespace
{

using sys::call;

// Requests and numbers that Debian 12's headers lack.
constexpr int kGetRseqConfiguration = 0x420f;
constexpr int kXState = 0x202;
constexpr unsigned long kSuspendSeccomp = 1ul << 21;
constexpr int kTimerRestoreIds = 77, kTimerRestoreIdsGet = 2;

// Runs `body` in a child and gives what it returns (0 to 255) as errno: for what would change us.
template <class Body> long in_child(const Body &body)
{
    long child = call(SYS_fork);
    if (child == 0)
        call(SYS_exit_group, body());
    if (child < 0)
        return child;
    int status = 0;
    while (call(SYS_wait4, child, &status, 0, nullptr) == -EINTR)
        ;
    return WIFEXITED(status) ? -static_cast<long>(WEXITSTATUS(status)) : -EFAULT;
}

long absent(bool there) { return there ? 0 : -EOPNOTSUPP; }
long ok(long result) { return result < 0 ? result : 0; }

std::string text_of(const std::string &path)
{
    long fd = sys::try_open_at(AT_FDCWD, path.c_str(), O_RDONLY);
    if (fd < 0)
        return {};
    Fd owned(static_cast<int>(fd));
    std::string text(256 << 10, 0);
    text.resize(sys::read_up_to(owned.get(), text.data(), text.size(), path));
    return text;
}

bool fdinfo_says(const Fd &fd, std::string_view key)
{
    return text_of(cat("/proc/self/fdinfo/", fd.get())).find(key) != std::string::npos;
}

long map_files(const Sample &)
{
    Fd dir(static_cast<int>(sys::try_open_at(AT_FDCWD, "/proc/self/map_files", O_RDONLY | O_DIRECTORY)));
    if (!dir)
        return -EACCES;
    for (const std::string &name : sys::names_in(dir.get(), "map_files")) {
        long fd = sys::try_open_at(dir.get(), name.c_str(), O_RDONLY);
        if (fd < 0)
            return fd;
        Fd(static_cast<int>(fd)).reset();
        return 0;
    }
    return -ENOENT;
}

long ptrace_stop(const Sample &sample) { return sample.ptrace_result(); }

long peek_signals(const Sample &sample)
{
    siginfo_t info;
    __ptrace_peeksiginfo_args args{0, 0, 1};
    if (long r = call(SYS_ptrace, PTRACE_PEEKSIGINFO, sample.pid(), &args, &info); r < 0)
        return r;
    uint64_t mask = 0;
    return ok(call(SYS_ptrace, PTRACE_GETSIGMASK, sample.pid(), sizeof mask, &mask));
}

long xsave(const Sample &sample)
{
    char area[16384];
    iovec io{area, sizeof area};
    return ok(call(SYS_ptrace, PTRACE_GETREGSET, sample.pid(), kXState, &io));
}

long rseq_configuration(const Sample &sample)
{
    char configuration[24];
    return ok(call(SYS_ptrace, kGetRseqConfiguration, sample.pid(), sizeof configuration, configuration));
}

long suspend_seccomp(const Sample &sample)
{
    return ok(call(SYS_ptrace, PTRACE_SETOPTIONS, sample.pid(), 0, kSuspendSeccomp));
}

long read_memory(const Sample &sample)
{
    static const int number = 4711;
    int copy = 0;
    iovec here{&copy, sizeof copy}, there{const_cast<int *>(&number), sizeof number};
    long r = call(SYS_process_vm_readv, sample.pid(), &here, 1, &there, 1, 0);
    return r < 0 ? r : absent(copy == number);
}

long pidfd_getfd(const Sample &sample)
{
    Fd pidfd(static_cast<int>(call(SYS_pidfd_open, sample.pid(), 0)));
    if (!pidfd)
        return -ENOSYS;
    Fd copy(static_cast<int>(call(SYS_pidfd_getfd, pidfd.get(), 2, 0)));
    return copy ? 0 : -EPERM;
}

long kcmp_file(const Sample &sample) { return ok(call(SYS_kcmp, sample.pid(), getpid(), KCMP_FILE, 2, 2)); }

// A pid that was just free again is asked for.
long clone_with_pid(const Sample &)
{
    long gone = call(SYS_fork);
    if (gone == 0)
        call(SYS_exit_group, 0);
    while (call(SYS_wait4, gone, nullptr, 0, nullptr) == -EINTR)
        ;
    pid_t wanted = static_cast<pid_t>(gone);
    clone_args args{};
    args.exit_signal = SIGCHLD;
    args.set_tid = reinterpret_cast<uint64_t>(&wanted);
    args.set_tid_size = 1;
    long child = call(SYS_clone3, &args, sizeof args);
    if (child == 0)
        call(SYS_exit_group, 0);
    if (child < 0)
        return child;
    while (call(SYS_wait4, child, nullptr, 0, nullptr) == -EINTR)
        ;
    return absent(child == gone);
}

long mm_map(const Sample &)
{
    unsigned size = 0;
    return ok(call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0));
}

long tid_address(const Sample &)
{
    int *address = nullptr;
    return ok(call(SYS_prctl, PR_GET_TID_ADDRESS, &address, 0, 0, 0));
}

long pagemap(const Sample &)
{
    Fd fd(static_cast<int>(sys::try_open_at(AT_FDCWD, "/proc/self/pagemap", O_RDONLY)));
    uint64_t entry = 0, page = reinterpret_cast<uint64_t>(&entry) / 4096;
    long r = call(SYS_pread64, fd.get(), &entry, sizeof entry, page * sizeof entry);
    return r < 0 ? r : absent(entry >> 63);
}

long pagemap_scan(const Sample &)
{
    Fd fd(static_cast<int>(sys::try_open_at(AT_FDCWD, "/proc/self/pagemap", O_RDONLY)));
    sys::PageRegion region{};
    sys::PagemapScan scan;
    scan.start = reinterpret_cast<uint64_t>(&region) & ~4095ul;
    scan.end = scan.start + 4096;
    scan.vec = reinterpret_cast<uint64_t>(&region);
    scan.vec_len = 1;
    scan.category_mask = scan.return_mask = sys::kPageIsPresent;
    return ok(sys::pagemap_scan(fd.get(), scan));
}

// With a code that only the kernel uses otherwise. SIGURG is ignored unless somebody asks for it.
long queue_signal(const Sample &)
{
    return in_child([] {
        siginfo_t info{};
        info.si_signo = SIGURG;
        info.si_code = SI_KERNEL;
        return -call(SYS_rt_sigqueueinfo, getpid(), SIGURG, &info);
    });
}

// The whole of it has to be moved at once.
long move_vdso(const Sample &)
{
    unsigned long vdso = getauxval(AT_SYSINFO_EHDR);
    std::string maps = text_of("/proc/self/maps");
    size_t line = maps.find(cat(hex(vdso), "-"));
    if (!vdso || line == maps.npos)
        return -ENOENT;
    unsigned long size = std::strtoul(maps.c_str() + maps.find('-', line) + 1, nullptr, 16) - vdso;
    return in_child([&] {
        long space = call(SYS_mmap, nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        long r = call(SYS_mremap, vdso, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, space);
        return r < 0 && r > -4096 ? -r : 0;
    });
}

long fdinfo_event(const Sample &)
{
    Fd event(::eventfd(1, EFD_CLOEXEC)), poll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, event.get(), &wanted);
    return absent(fdinfo_says(event, "eventfd-count:") && fdinfo_says(poll, "tfd:"));
}

long fdinfo_mount(const Sample &)
{
    Fd fd(static_cast<int>(sys::try_open_at(AT_FDCWD, "/proc/self/stat", O_RDONLY)));
    return absent(fdinfo_says(fd, "mnt_id:"));
}

long proc_timers(const Sample &)
{
    Fd fd(static_cast<int>(sys::try_open_at(AT_FDCWD, "/proc/self/timers", O_RDONLY)));
    return absent(static_cast<bool>(fd));
}

long timer_ids(const Sample &) { return ok(call(SYS_prctl, kTimerRestoreIds, kTimerRestoreIdsGet, 0, 0, 0)); }

long memfd(const Sample &)
{
    long fd = call(SYS_memfd_create, "probe", MFD_CLOEXEC);
    if (fd >= 0)
        Fd(static_cast<int>(fd)).reset();
    return ok(fd);
}

long soft_dirty(const Sample &)
{
    return in_child([]() -> long {
        char page[8192];
        char *middle = reinterpret_cast<char *>((reinterpret_cast<uint64_t>(page) + 4095) & ~4095ul);
        long clear = sys::try_open_at(AT_FDCWD, "/proc/self/clear_refs", O_WRONLY);
        long map = sys::try_open_at(AT_FDCWD, "/proc/self/pagemap", O_RDONLY);
        if (clear < 0 || map < 0 || call(SYS_write, clear, "4", 1) < 0)
            return EACCES;
        *static_cast<volatile char *>(middle) = 1;
        uint64_t entry = 0;
        call(SYS_pread64, map, &entry, sizeof entry,
             reinterpret_cast<uint64_t>(middle) / 4096 * sizeof entry);
        return entry >> 55 & 1 ? 0 : EOPNOTSUPP;
    });
}

using enum Need;

constexpr Probe kProbes[] = {
    {"ptrace_seize", Always, "stop tasks", ptrace_stop},
    {"ptrace_peeksiginfo", Always, "read pending signals and signal masks", peek_signals},
    {"xsave", Always, "read the registers of the floating point unit", xsave},
    {"get_rseq_conf", Always, "keep restartable sequences", rseq_configuration},
    {"process_vm_readv", Always, "read memory", read_memory},
    {"map_files", Always, "open files that are mapped only", map_files},
    {"pagemap", Always, "find the pages that are there", pagemap},
    {"pidfd_store", Always, "look at and hand over descriptors", pidfd_getfd},
    {"kcmp", Always, "tell which descriptors are shared", kcmp_file},
    {"fdinfo", Always, "read event counts and what an epoll watches", fdinfo_event},
    {"mnt_id", Always, "tell on which mount a file is", fdinfo_mount},
    {"timers", Always, "find POSIX timers", proc_timers},
    {"tid_address", Always, "find the address to clear at a thread's end", tid_address},
    {"mm_map", Always, "set the boundaries of an address space", mm_map},
    {"clone3_set_tid", Always, "give a task its old pid", clone_with_pid},
    {"sigqueueinfo", Always, "bring pending signals back", queue_signal},
    {"move_vdso", Always, "put the vDSO into its old place", move_vdso},
    {"memfd", Always, "bring shared memory back", memfd},
    {"pagemap_scan", Sometimes, "find pages quickly", pagemap_scan},
    {"timer_cr_ids", Sometimes, "give POSIX timers their old ids at once", timer_ids},
    {"seccomp_suspend", Sometimes, "restore tasks under seccomp filters", suspend_seccomp},
    {"mem_dirty_track", Sometimes, "dump only what has changed", soft_dirty},
};

} // namespace

Sample::Sample()
{
    long child = sys::check(call(SYS_fork), "fork a sample process");
    if (child == 0)
        for (;;)
            call(SYS_pause);
    pid_ = static_cast<pid_t>(child);
    ptrace_result_ = ok(call(SYS_ptrace, PTRACE_SEIZE, pid_, 0, 0));
    if (!ptrace_result_)
        ptrace_result_ = ok(call(SYS_ptrace, PTRACE_INTERRUPT, pid_, 0, 0));
    if (!ptrace_result_)
        call(SYS_wait4, pid_, nullptr, __WALL, nullptr);
}

Sample::~Sample()
{
    call(SYS_kill, pid_, SIGKILL);
    while (call(SYS_wait4, pid_, nullptr, __WALL, nullptr) == -EINTR)
        ;
}

std::span<const Probe> probes() { return kProbes; }

const Probe *find_probe(std::string_view name)
{
    for (const Probe &probe : kProbes)
        if (probe.name == name)
            return &probe;
    return nullptr;
}

} // namespace cr::feature
