#include "libcr/task/lost.h"

#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <sys/syscall.h>

namespace cr::task
{

namespace
{

std::string affinity(const proc::PidDir &task)
{
    uint64_t mask[128]; // 8192 CPUs
    long size = sys::call(SYS_sched_getaffinity, task.pid(), sizeof mask, mask);
    std::string out;
    for (long i = 0; i < size / 8; i++)
        out += cat(i ? " " : "", hex(mask[i]));
    return out;
}

std::string io_priority(const proc::PidDir &task)
{
    constexpr int kProcess = 1; // IOPRIO_WHO_PROCESS
    return cat(sys::call(SYS_ioprio_get, kProcess, task.pid()));
}

std::string file(const proc::PidDir &task, const char *name)
{
    return std::string(trim(task.read_if_there(name)));
}

struct Unkept {
    const char *name;
    std::string (*read)(const proc::PidDir &);
};

constexpr Unkept kTable[] = {
    {"control groups", [](const proc::PidDir &task) { return file(task, "cgroup"); }},
    {"set of CPUs", affinity},
    {"I/O priority", io_priority},
    {"timer slack", [](const proc::PidDir &task) { return file(task, "timerslack_ns"); }},
    {"core dump filter", [](const proc::PidDir &task) { return file(task, "coredump_filter"); }},
    {"audit login user", [](const proc::PidDir &task) { return file(task, "loginuid"); }},
};

} // namespace

std::vector<std::string> unkept_state(const proc::PidDir &task)
{
    std::vector<std::string> out;
    for (const Unkept &unkept : kTable)
        out.push_back(unkept.read(task));
    return out;
}

void report_lost(pid_t pid, const std::vector<std::string> &theirs, const std::vector<std::string> &ours)
{
    for (size_t i = 0; i < std::size(kTable); i++)
        if (theirs[i] != ours[i])
            log::warning("pid ", pid, ": its ", kTable[i].name, " (", printable(theirs[i]),
                         ") will not be restored: the restored task has that of its restorer");
}

} // namespace cr::task
