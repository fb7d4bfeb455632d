#include "libcr/restore/pids.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/stat.h"
#include "libcr/sys/process.h"

#include <set>
#include <sys/wait.h>
#include <unistd.h>

namespace cr::restore
{

namespace
{

std::set<pid_t> wanted_ids(const ImageSet &images, const BirthPlan &births)
{
    std::set<pid_t> out;
    for (const TaskImage &task : images.tasks)
        for (uint32_t tid : task.tree.threads())
            out.insert(static_cast<pid_t>(tid));
    for (const Birth &birth : births.births)
        out.insert(birth.pid);
    return out;
}

std::string who_is(pid_t pid)
{
    try {
        proc::Stat stat = proc::parse_stat(proc::PidDir(pid).read("stat"));
        return cat("pid ", pid, " (", printable(stat.comm), stat.state == 'Z' ? ", dead but not waited for)" : ")");
    } catch (const Error &) {
        return cat("pid ", pid);
    }
}

} // namespace

void check_pids_free(const ImageSet &images, const BirthPlan &births)
{
    std::string taken;
    int count = 0;
    pid_t self = ::getpid();
    for (pid_t id : wanted_ids(images, births)) {
        if (id == self)
            refused(cat("our own process has id ", id, ", which the tree needs"), "run the command again");
        // A thread's id, too, has a directory in /proc (though none is listed).
        bool process = sys::call(SYS_kill, id, 0) != -ESRCH;
        bool group = !process && sys::call(SYS_kill, -id, 0) != -ESRCH;
        bool session = !process && !group && sys::call(SYS_getsid, id) >= 0;
        if (!process && !group && !session)
            continue;
        if (++count <= 5)
            taken += (taken.empty() ? "" : ", ") +
                     (process ? who_is(id) : cat("process group ", id, " whose leader is gone"));
    }
    if (count)
        refused(cat("ids that the tree needs are taken: ", taken, count > 5 ? cat(" and ", count - 5, " more") : ""),
                "end those processes, or restore in a new pid namespace");
}

} // namespace cr::restore
