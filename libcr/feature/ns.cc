// Probes of namespaces and of what belongs to one. They are made by children, and go with them.
#include "libcr/feature/probes.h"
#include "libcr/feature/trial.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <sched.h>
#include <sys/syscall.h>

namespace cr::feature::probe
{

namespace
{

constexpr int kNewTime = 0x80, kNewCgroup = 0x02000000;
constexpr unsigned kSetGroup = 0x100; // MOVE_MOUNT_SET_GROUP

} // namespace

long userns()
{
    return in_child([] { return sys::call(SYS_unshare, CLONE_NEWUSER); });
}

long cgroup_ns()
{
    return in_child([] { return sys::call(SYS_unshare, kNewCgroup); });
}

long time_ns()
{
    return in_child([] { return sys::call(SYS_unshare, kNewTime); });
}

// Flags are looked at before descriptors, of which these are none.
long move_mount_set_group()
{
    long r = sys::call(SYS_move_mount, -1, "a", -1, "b", kSetGroup);
    return r == -EBADF ? 0 : r;
}

long sysv_ids()
{
    long fd = sys::try_open_at(AT_FDCWD, "/proc/sys/kernel/sem_next_id", O_RDWR);
    if (fd >= 0)
        Fd(static_cast<int>(fd)).reset();
    return fd;
}

long apparmor_stacking() { return has_words("/sys/kernel/security/apparmor/features/domain/stack", "yes"); }

} // namespace cr::feature::probe
