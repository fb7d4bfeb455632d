#include "libcr/restore/memory.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/mm/aio.h"
#include "libcr/mm/check.h"
#include "libcr/mm/large_pages.h"
#include "libcr/mm/place.h"
#include "libcr/proc/maps.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/sys/cpus.h"
#include "libcr/sys/procmem.h"

#include <algorithm>
#include <unistd.h>

namespace cr::restore
{

namespace
{

std::vector<const img::mm_entry *> spaces_of(const ImageSet &images)
{
    std::vector<const img::mm_entry *> out;
    for (const TaskImage &task : images.tasks)
        if (task.mm)
            out.push_back(&*task.mm);
    return out;
}

bool any_32_bit(const ImageSet &images)
{
    return std::any_of(images.tasks.begin(), images.tasks.end(),
                       [](const TaskImage &task) { return !task.zombie() && task.runs_32_bit(); });
}

// A function of the old vDSO may not change under a thread that has just begun with it.
void check_jumps(const ImageSet &images, const MemoryPlan &memory)
{
    for (size_t number = 0; number < images.tasks.size(); number++) {
        const TaskImage &task = images.tasks[number];
        if (task.zombie())
            continue;
        for (const mm::Jump &jump : memory.plan_of(images, number).jumps)
            for (const img::core_entry &core : task.threads)
                if (core.has_thread_info() && jump.splits(TargetAddr(core.thread_info().gpregs().ip())))
                    refused(cat("pid ", task.pid(),
                                " stands at the begin of a function of its vDSO, which must become "
                                "a jump to this kernel's"),
                            "restore under the kernel version of the dump, or dump again");
    }
}

std::vector<proc::Area> own_areas() { return proc::parse_maps(proc::PidDir(::getpid()).read("maps")); }

} // namespace

const mm::TaskPlan *MemoryPlan::cloner_of(const ImageSet &images, const task::BirthPlan &births,
                                          size_t birth) const
{
    if (birth == 0)
        return nullptr;
    size_t cloner = births.births[birth].cloner;
    // A helper has the memory that its own cloner had.
    while (births.births[cloner].role != task::Birth::Role::Task)
        cloner = births.births[cloner].cloner;
    return &plan_of(images, births.births[cloner].task);
}

std::map<pid_t, std::deque<const mm::TaskPlan::Part *>>
MemoryPlan::outside(const ImageSet &images, const task::BirthPlan &births) const
{
    std::map<pid_t, std::deque<const mm::TaskPlan::Part *>> out;
    for (const task::Birth &birth : births.births) {
        if (birth.role != task::Birth::Role::Task || birth.shares.vm)
            continue;
        const mm::TaskPlan &plan = plan_of(images, birth.task);
        for (const mm::TaskPlan::Part *part : {&plan.early, &plan.late})
            if (part->outside)
                out[birth.pid].push_back(part);
    }
    return out;
}

MemoryPlan plan_memory(const ImageSet &images, const task::BirthPlan &births, const files::Plan &files)
{
    MemoryPlan out;
    auto known = [&](uint32_t id) {
        try {
            files.opener_fd(id);
            return true;
        } catch (const Error &) {
            return false;
        }
    };
    const mm::LargePages large = mm::large_pages();
    const uint64_t cpus = sys::possible_cpus();
    out.vdsos = mm::find_vdsos(any_32_bit(images));
    for (const TaskImage &task : images.tasks) {
        out.tasks.emplace_back();
        if (!task.mm)
            continue;
        auto name = [&] { return cat("pid ", task.pid()); };
        Subject subject(name);
        mm::check_layout(*task.mm, known);
        out.tasks.back() =
            std::make_unique<mm::TaskPlan>(mm::TaskPlan::read(images.dir, task.pid(), *task.mm));
        out.tasks.back()->code_32 = task.runs_32_bit();
        out.tasks.back()->large = large;
        mm::decide_vdso(*out.tasks.back(), out.vdsos.of(task.runs_32_bit()),
                        out.vdsos.code(task.runs_32_bit()));
        mm::plan_rings(*out.tasks.back(), cpus);
    }
    check_jumps(images, out);
    for (size_t birth = 1; birth < births.births.size(); birth++)
        if (births.births[birth].role == task::Birth::Role::Task && !births.births[birth].shares.vm)
            mm::inherit(out.plan_of(images, births.births[birth].task),
                        *const_cast<mm::TaskPlan *>(out.cloner_of(images, births, birth)));
    for (auto &task : out.tasks)
        if (task)
            mm::decide_fills(*task);
    return out;
}

void place_region(MemoryPlan &memory, const ImageSet &images, uint64_t size)
{
    std::vector<mm::Range> taken;
    for (const proc::Area &area : own_areas())
        taken.push_back({TargetAddr(area.start), TargetAddr(area.end)});
    for (const auto &task : memory.tasks)
        if (task && !task->vdso.empty())
            taken.push_back({task->vdso.start(), task->vdso.end()});
    auto extent = [](const mm::VdsoPlace &one) { return one.empty() ? 0 : one.end() - one.start(); };
    uint64_t spare = std::max(extent(memory.vdsos.native), extent(memory.vdsos.compat));
    // Calls of the 32-bit ABI have no longer addresses.
    TargetAddr end = any_32_bit(images) ? TargetAddr(0xfff00000) : TargetAddr(UINT64_MAX);
    auto base = mm::free_range(spaces_of(images), taken, size + spare + 2 * kPageSize, end);
    if (!base)
        refused(cat("no range of ", size >> 10, " KiB is free in the address spaces of all tasks"));
    memory.frame.region = {*base, *base + size};
    memory.frame.spare = *base + size + kPageSize;
}

CallPlace syscall_instruction(const ImageSet &images, size_t task, const MemoryPlan &memory)
{
    bool code_32 = images.tasks[task].runs_32_bit();
    const mm::VdsoPlace &theirs = memory.plan_of(images, task).vdso;
    if (theirs.empty())
        refused(cat("pid ", images.tasks[task].pid(), " has no vDSO"), "this is not supported yet");
    constexpr uint8_t kSyscall[] = {0x0f, 0x05}, kInt80[] = {0xcd, 0x80};
    const uint8_t *wanted = code_32 ? kInt80 : kSyscall;
    std::span<const uint8_t> code = memory.vdsos.code(code_32);
    for (size_t at = 0; at + 1 < code.size(); at++)
        if (code[at] == wanted[0] && code[at + 1] == wanted[1])
            return {theirs.vdso.start + at, code_32};
    failed_with(0, "find a system-call instruction in the vDSO");
}

void write_jumps(const ImageSet &images, const MemoryPlan &memory)
{
    for (const TaskImage &task : images.tasks) {
        const mm::TaskPlan *plan = memory.tasks[static_cast<size_t>(&task - images.tasks.data())].get();
        if (!plan || plan->jumps.empty())
            continue;
        sys::ProcMem code(task.pid());
        for (const mm::Jump &jump : plan->jumps)
            if (code.write(jump.at, jump.code.data(), jump.code.size()) !=
                static_cast<long>(jump.code.size()))
                failed_with(EFAULT, cat("write to the vDSO of pid ", task.pid()));
    }
}

} // namespace cr::restore
