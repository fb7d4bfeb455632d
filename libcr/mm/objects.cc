#include "libcr/mm/objects.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

namespace cr::mm
{

std::string map_file(pid_t pid, const proc::Area &area)
{
    return cat("/proc/", pid, "/map_files/", hex(area.start.value), "-", hex(area.end.value));
}

uint32_t FileTable::add(const Key &key, const proc::PidDir &task, std::string via)
{
    img::session_file_claim claim;
    claim.set_id(next_id_);
    claim.set_pid(static_cast<uint32_t>(task.pid()));
    claim.set_via(std::move(via));
    claim.set_link(std::get<4>(key));
    claim.set_flags(static_cast<uint32_t>(std::get<3>(key)));
    claim_(claim);
    ids_.emplace(key, next_id_);
    return next_id_++;
}

uint32_t FileTable::mapped(const proc::PidDir &task, const proc::Area &area, int flags)
{
    Key key{area.major, area.minor, area.inode, flags, area.path};
    std::lock_guard lock(mutex_);
    if (auto found = ids_.find(key); found != ids_.end())
        return found->second;
    auto verdict = classify(area, true, file_facts(task, area));
    if (verdict.refusal) {
        Blocker blocker = describe_area(area, verdict);
        refused(blocker.what, blocker.remedy);
    }
    return add(key, task, map_file(task.pid(), area));
}

// The executable is nearly always mapped too: then it is the same claim.
uint32_t FileTable::executable(const proc::PidDir &task, const std::vector<proc::Area> &areas)
{
    std::string path = task.link("exe");
    for (const proc::Area &area : areas)
        if (!area.shared && area.path == path)
            return mapped(task, area, O_RDONLY);
    struct stat st;
    sys::check(sys::call(SYS_newfstatat, task.fd(), "exe", &st, 0), "look at the program (exe)");
    std::lock_guard lock(mutex_);
    Key key{major(st.st_dev), minor(st.st_dev), st.st_ino, O_RDONLY, path};
    if (auto found = ids_.find(key); found != ids_.end())
        return found->second;
    return add(key, task, cat("/proc/", task.pid(), "/exe"));
}

void SharedTable::mapped(const proc::PidDir &task, const proc::Area &area, uint64_t id, bool segment)
{
    std::lock_guard lock(mutex_);
    if (index_.emplace(std::pair(segment, id), objects_.size()).second)
        objects_.push_back({id, task.pid(), map_file(task.pid(), area), segment ? area.path : std::string()});
}

} // namespace cr::mm
