// The vDSO that this kernel has for 32-bit code. It is nowhere in our own process, and a process has only
// one: so a child gives up its own, asks for that one, and is looked at.
#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/mm/vdso.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/process.h"
#include "libcr/sys/procmem.h"

#include <csignal>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cr::mm
{

namespace
{

constexpr int kMap32 = 0x2002; // ARCH_MAP_VDSO_32
constexpr uint64_t kSomewhere = 0x10000000;

// A process that goes with this object.
class Child
{
  public:
    explicit Child(long pid) : pid_(static_cast<pid_t>(pid)) {}
    ~Child()
    {
        sys::WaitStatus status;
        sys::call(SYS_kill, pid_, SIGKILL);
        sys::wait_for(pid_, status, 0);
    }
    Child(const Child &) = delete;
    Child &operator=(const Child &) = delete;

    // Whether it has done its work and stands.
    bool stands() const
    {
        sys::WaitStatus status;
        return sys::wait_for(pid_, status, WUNTRACED) > 0 && status.stopped();
    }

  private:
    pid_t pid_;
};

} // namespace

Vdsos find_vdsos(bool also_32)
{
    Vdsos out;
    out.native = find_vdso(proc::parse_maps(proc::PidDir(::getpid()).read("maps")));
    if (!also_32)
        return out;
    long pid = sys::check(sys::call(SYS_fork), "fork a process to look at the 32-bit vDSO");
    if (pid == 0) {
        for (const Range &piece : out.native.pieces)
            sys::call(SYS_munmap, piece.start.value, piece.size());
        if (sys::call(SYS_arch_prctl, kMap32, kSomewhere) >= 0)
            sys::call(SYS_kill, sys::call(SYS_getpid), SIGSTOP);
        sys::call(SYS_exit_group, 1);
    }
    Child child(pid);
    if (!child.stands())
        refused("the kernel gives no vDSO for 32-bit code",
                "it needs IA32 emulation (CONFIG_IA32_EMULATION)");
    out.compat = find_vdso(proc::parse_maps(proc::PidDir(static_cast<pid_t>(pid)).read("maps")));
    out.compat_code.resize(out.compat.vdso.size());
    sys::ProcMem memory(static_cast<pid_t>(pid));
    long n = memory.read(out.compat.vdso.start, out.compat_code.data(), out.compat_code.size());
    if (n != static_cast<long>(out.compat_code.size()))
        failed_with(EFAULT, "read the 32-bit vDSO");
    return out;
}

} // namespace cr::mm
