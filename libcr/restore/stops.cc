#include "libcr/restore/stops.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/state.h"

#include <csignal>
#include <cstring>
#include <ctime>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace cr::restore
{

namespace
{

std::optional<size_t> parent_of(const ImageSet &images, const TaskImage &task)
{
    auto found = images.by_pid.find(static_cast<pid_t>(task.tree.ppid()));
    if (task.tree.ppid() == 0 || found == images.by_pid.end())
        return std::nullopt;
    const TaskImage &parent = images.tasks[found->second];
    return parent.zombie() || parent.leader_dead() ? std::nullopt : std::optional(found->second);
}

bool has_pending(const TaskImage &task, int signal)
{
    for (const img::siginfo_entry &entry : task.leader().tc().signals_s().signals()) {
        int number = 0; // si_signo comes first
        if (entry.siginfo().size() >= sizeof number)
            std::memcpy(&number, entry.siginfo().data(), sizeof number);
        if (number == signal)
            return true;
    }
    return false;
}

} // namespace

bool stopped_early(const ImageSet &images, size_t index)
{
    const TaskImage &task = images.tasks[index];
    return !task.zombie() && !task.leader_dead() && task.leader().tc().task_state() == task::kStopped &&
           task.leader().tc().cr_stop_seen() && parent_of(images, task);
}

void stop_early(const ImageSet &images, Tracees &tracees, RegionMemory &memory, program::DataId slot,
                const std::function<CallPlace(size_t)> &syscall_in)
{
    struct {
        uint64_t signals = 1ull << (SIGCHLD - 1);
        timespec none{};
    } data;
    static_assert(sizeof data == kSlotForStops);
    TargetAddr at = memory.write(slot, &data, sizeof data);
    for (size_t i = 0; i < images.tasks.size(); i++) {
        if (!stopped_early(images, i))
            continue;
        const TaskImage &task = images.tasks[i];
        std::vector<pid_t> threads(task.tree.threads().begin(), task.tree.threads().end());
        tracees.stop_group(threads);
        size_t parent = *parent_of(images, task);
        pid_t pid = images.tasks[parent].pid();
        long r =
            tracees.call_in(pid, syscall_in(parent), SYS_waitid,
                            {P_PID, static_cast<uint64_t>(task.pid()), 0, WSTOPPED | WNOHANG | __WALL, 0});
        if (r < 0)
            failed_with(static_cast<int>(-r),
                        cat("have pid ", pid, " take note that pid ", task.pid(), " is stopped"));
        if (!has_pending(images.tasks[parent], SIGCHLD))
            tracees.call_in(pid, syscall_in(parent), SYS_rt_sigtimedwait,
                            {at.value, 0, at.value + offsetof(decltype(data), none), sizeof data.signals, 0});
    }
}

} // namespace cr::restore
