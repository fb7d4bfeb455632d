#include "libcr/task/kernel_written.h"

#include <algorithm>
#include <sys/syscall.h>

namespace cr::task
{

namespace
{

// struct robust_list_head of linux/futex.h: list.next, futex_offset, list_op_pending
struct RobustHead {
    uint64_t next;
    int64_t futex_offset;
    uint64_t pending;
};

constexpr int kRobustLimit = 2048; // ROBUST_LIST_LIMIT: the kernel looks no farther
constexpr uint64_t kPiBit = 1;     // in a link: the futex is a PI one

void robust_futexes(uint64_t list, const sys::ProcMem &memory, std::vector<uint64_t> &out)
{
    RobustHead head;
    if (!list || memory.read(TargetAddr(list), &head, sizeof head) != sizeof head)
        return;
    auto futex = [&](uint64_t link) { out.push_back(link + static_cast<uint64_t>(head.futex_offset)); };
    if (uint64_t pending = head.pending & ~kPiBit)
        futex(pending);
    uint64_t link = head.next & ~kPiBit;
    for (int i = 0; i < kRobustLimit && link && link != list; i++) {
        futex(link);
        uint64_t next;
        if (memory.read(TargetAddr(link), &next, sizeof next) != sizeof next)
            return;
        link = next & ~kPiBit;
    }
}

} // namespace

std::vector<uint64_t> kernel_written_pages(const TaskFacts &facts, const inject::FrozenTask &task)
{
    std::vector<uint64_t> out;
    for (const ThreadFacts &thread : facts.threads) {
        out.push_back(thread.tid_address);
        out.push_back(thread.rseq_pointer);
        robust_futexes(thread.robust_list, task.memory, out);
        if (thread.regs.orig_rax == SYS_futex) {
            out.push_back(thread.regs.rdi);
            out.push_back(thread.regs.r8);
        }
    }
    for (uint64_t &at : out)
        at &= ~(kPageSize - 1);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

} // namespace cr::task
