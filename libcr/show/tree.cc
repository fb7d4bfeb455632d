#include "libcr/show/tree.h"

#include "core.pb.h"
#include "libcr/base/text.h"
#include "libcr/image/reader.h"
#include "libcr/show/value.h"
#include "pstree.pb.h"

#include <csignal>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace cr::show
{

using image::Kind;

namespace
{

void describe(const image::Dir &dir, Task &task)
{
    auto core = image::read_optional<img::core_entry>(dir, Kind::Core, task.pid);
    if (core) {
        task.name = core->has_tc() ? core->tc().comm() : core->thread_core().comm();
        task.state = core->tc().task_state();
        task.exit_code = core->tc().exit_code();
        if (core->has_ids())
            task.files_id = core->ids().files_id();
    }
    if (auto ids = image::read_optional<img::task_kobj_ids_entry>(dir, Kind::Ids, task.pid))
        task.files_id = ids->files_id();
    if (task.zombie())
        task.threads = {task.pid}; // CRIU writes what it likes there
}

std::string pipe_text(const char *what, uint64_t id) { return cat(what, "[", id, "]"); }

} // namespace

std::vector<Task> read_tree(const image::Dir &dir)
{
    std::vector<Task> tasks;
    std::map<uint32_t, std::vector<size_t>> children; // by the parent's pid, last first
    std::map<uint32_t, bool> pids;
    for (const auto &e : image::read_all<img::pstree_entry>(dir, Kind::Pstree)) {
        tasks.push_back({e.pid(),
                         e.ppid(),
                         e.pgid(),
                         e.sid(),
                         0,
                         {e.threads().begin(), e.threads().end()},
                         {},
                         0,
                         0,
                         {}});
        describe(dir, tasks.back());
        pids[e.pid()] = true;
    }
    for (size_t i = tasks.size(); i-- > 0;)
        children[tasks[i].ppid].push_back(i);

    std::vector<Task> out;
    std::vector<std::pair<size_t, unsigned>> waiting; // task, depth; the last one is next
    auto place_children = [&](uint32_t parent, unsigned depth) {
        auto it = children.find(parent);
        if (it == children.end())
            return;
        for (size_t i : it->second)
            waiting.emplace_back(i, depth);
        children.erase(it); // once only: a loop in a damaged image ends
    };
    auto place_tree = [&](uint32_t parent) {
        place_children(parent, 0);
        while (!waiting.empty()) {
            auto [i, depth] = waiting.back();
            waiting.pop_back();
            tasks[i].depth = depth;
            out.push_back(tasks[i]);
            place_children(tasks[i].pid, depth + 1);
        }
    };
    for (const Task &task : tasks)
        if (!pids.count(task.ppid))
            place_tree(task.ppid);
    for (const Task &task : tasks) // what hangs on nothing but itself
        place_tree(task.ppid);
    return out;
}

std::string signal_or_code(uint32_t wait_status)
{
    if (wait_status & 0x7f) {
        const char *name = ::sigabbrev_np(static_cast<int>(wait_status & 0x7f));
        return name ? cat("SIG", name) : cat("signal ", wait_status & 0x7f);
    }
    return cat(wait_status >> 8 & 0xff);
}

std::string state_text(const Task &task)
{
    switch (task.state) {
    case 1:
        return "alive";
    case 2:
        return cat("zombie ", signal_or_code(task.exit_code));
    case 3:
        return "stopped";
    default:
        return "?";
    }
}

FilesById read_files(const image::Dir &dir)
{
    FilesById out;
    for (auto &entry : image::read_all<img::file_entry>(dir, Kind::Files))
        out[entry.id()].Swap(&entry);
    return out;
}

std::string file_text(const FilesById &files, uint32_t id)
{
    auto it = files.find(id);
    if (it == files.end())
        return cat("(file ", id, " is not in files.img)");
    const img::file_entry &f = it->second;
    if (f.has_reg())
        return printable(f.reg().name());
    if (f.has_pipe())
        return pipe_text("pipe", f.pipe().pipe_id());
    if (f.has_fifo())
        return pipe_text("fifo", f.fifo().pipe_id());
    if (f.has_usk())
        return cat("unix[", f.usk().ino(), " (", f.usk().peer(), ")", f.usk().name().empty() ? "" : " ",
                   quoted_printable(f.usk().name()), "]");
    if (f.has_isk())
        return cat(f.isk().proto() == 6    ? "tcp"
                   : f.isk().proto() == 17 ? "udp"
                                           : "inet",
                   " ", f.isk().src_port(), f.isk().dst_port() ? cat(" to ", f.isk().dst_port()) : "");
    if (f.has_efd())
        return cat("eventfd ", f.efd().counter());
    if (f.has_memfd())
        return cat("memfd[", f.memfd().inode_id(), "]");
    return cat(img::fd_types_Name(f.type()), ".", id);
}

std::string area_name(const img::vma_entry &vma, const FilesById &files)
{
    if (vma.status() & 0x2 || vma.flags() & MAP_GROWSDOWN)
        return "[stack]";
    if (vma.status() & 0x4)
        return "[vsyscall]";
    if (vma.status() & 0x8)
        return "[vdso]";
    if (vma.status() & 0x1000)
        return "[vvar]";
    if (vma.status() & 0x20)
        return "[heap]";
    if (vma.status() & 0x400)
        return cat("sysvipc[", vma.shmid(), "]");
    if (vma.status() & 0x100)
        return cat("shmem[", vma.shmid(), "]");
    if (vma.status() & (0x40 | 0x80 | 0x4000))
        return file_text(files, static_cast<uint32_t>(vma.shmid()));
    return {};
}

std::string area_text(const img::vma_entry &vma, const FilesById &files)
{
    bool file = vma.status() & (0x40 | 0x80 | 0x4000);
    return cat(area_name(vma, files), file && vma.pgoff() ? cat(" + 0x", hex(vma.pgoff())) : "",
               vma.status() & 0x80 ? " (s)" : "", vma.status() & 0x1 ? "" : " *");
}

} // namespace cr::show
