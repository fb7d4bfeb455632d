// Probes of what is known about descriptors.
#include "libcr/feature/probes.h"
#include "libcr/feature/trial.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <linux/openat2.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>

namespace cr::feature::probe
{

namespace
{

constexpr int kGetOwnerUids = 17;               // F_GETOWNER_UIDS
constexpr unsigned long kSetTicks = 0x40085400; // TFD_IOC_SET_TICKS

Fd made_by(long result) { return result < 0 ? Fd() : Fd(static_cast<int>(result)); }

bool says(const Fd &fd, std::string_view words)
{
    return fd && fdinfo_of(fd.get()).find(words) != std::string::npos;
}

} // namespace

long fdinfo_extended()
{
    Fd event = made_by(sys::call(SYS_eventfd2, 3, EFD_CLOEXEC));
    Fd epoll = made_by(sys::call(SYS_epoll_create1, EPOLL_CLOEXEC));
    epoll_event interest{};
    sys::call(SYS_epoll_ctl, epoll.get(), EPOLL_CTL_ADD, event.get(), &interest);
    uint64_t mask = 1;
    Fd signal = made_by(sys::call(SYS_signalfd4, -1, &mask, 8, SFD_CLOEXEC));
    return says(event, "eventfd-count:") && says(epoll, "tfd:") && says(signal, "sigmask:") ? 0 : -ENODATA;
}

long fcntl_owner()
{
    uint32_t uids[2];
    Fd event = made_by(sys::call(SYS_eventfd2, 0, EFD_CLOEXEC));
    return sys::call(SYS_fcntl, event.get(), kGetOwnerUids, uids);
}

long mnt_id()
{
    Fd dir = made_by(sys::try_open_at(AT_FDCWD, "/proc/self", O_PATH));
    return says(dir, "mnt_id:") ? 0 : -ENODATA;
}

long fdinfo_lock()
{
    Fd file = made_by(sys::call(SYS_memfd_create, "cr-check", MFD_CLOEXEC));
    long r = sys::call(SYS_flock, file.get(), LOCK_EX);
    return r < 0 ? r : says(file, "lock:") ? 0 : -ENODATA;
}

long timerfd()
{
    Fd timer = made_by(sys::call(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!says(timer, "clockid:"))
        return -ENODATA;
    uint64_t ticks = 1;
    return sys::call(SYS_ioctl, timer.get(), kSetTicks, &ticks);
}

long openat2()
{
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    long fd = sys::call(SYS_openat2, AT_FDCWD, "/", &how, sizeof how);
    made_by(fd).reset();
    return fd;
}

// A pair whose slave is locked, as the first of its life.
long tty()
{
    long r = sys::try_open_at(AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY);
    if (r < 0)
        return r;
    Fd master(static_cast<int>(r));
    int lock = 1;
    return sys::call(SYS_ioctl, master.get(), TIOCSPTLCK, &lock);
}

long autofs() { return has_words("/proc/filesystems", "autofs"); }

// Whether a file of an overlay is the same one in maps as by its descriptor. The overlay is made in a mount
// namespace that goes with the child.
long overlayfs_maps()
{
    return in_child([] {
        long r = sys::call(SYS_unshare, CLONE_NEWNS);
        if (r >= 0)
            r = sys::call(SYS_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        if (r >= 0)
            r = sys::call(SYS_mount, "cr", "/tmp", "tmpfs", 0, nullptr);
        for (const char *dir : {"/tmp/lower", "/tmp/upper", "/tmp/work", "/tmp/all"})
            if (r >= 0)
                r = sys::call(SYS_mkdirat, AT_FDCWD, dir, 0700);
        if (r >= 0)
            r = sys::call(SYS_mount, "cr", "/tmp/all", "overlay", 0,
                          "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work");
        if (r >= 0)
            r = sys::call(SYS_openat, AT_FDCWD, "/tmp/all/cr-probe", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (r < 0)
            return r;
        Fd file(static_cast<int>(r));
        struct stat by_descriptor;
        r = sys::call(SYS_mmap, nullptr, 4096, PROT_READ, MAP_PRIVATE, file.get(), 0);
        if (r < 0 || fstat(file.get(), &by_descriptor))
            return r < 0 ? r : -errno + 0l;
        char device[32];
        snprintf(device, sizeof device, " %02x:%02x ", major(by_descriptor.st_dev),
                 minor(by_descriptor.st_dev));
        std::string maps = text_of("/proc/self/maps");
        for (std::string_view rest = maps; !rest.empty();) {
            std::string_view line = take_until(rest, '\n');
            if (line.ends_with("/cr-probe"))
                return line.find(device) == line.npos ? -EOPNOTSUPP + 0l : 0l;
        }
        return -ENOENT + 0l;
    });
}

} // namespace cr::feature::probe
