#include "libcr/task/ldt.h"

#include "libcr/base/error.h"

#include <sys/syscall.h>

namespace cr::task
{

std::string read_ldt(inject::FrozenTask &task, const inject::Waiter &waiter)
{
    constexpr size_t kSize = sys::kLdtEntries * sys::kLdtEntrySize;
    inject::Job job;
    job.task = &task;
    inject::Calls &calls = job.threads.emplace_back();
    auto table = calls.out(kSize);
    auto result = calls.sys_result(SYS_modify_ldt, {sys::kReadLdt, table, kSize});
    inject::run(job, waiter);
    const inject::Calls &answers = job.threads[0];
    if (answers.result(result) < 0)
        failed_with(static_cast<int>(-answers.result(result)), "read the local descriptor table");
    std::string out;
    for (size_t at = 0; at < kSize; at += sys::kLdtEntrySize) {
        auto entry = answers.get<uint64_t>(table, at);
        if (!entry)
            continue;
        out.resize(at);
        out.append(reinterpret_cast<const char *>(&entry), sizeof entry);
    }
    return out;
}

} // namespace cr::task
