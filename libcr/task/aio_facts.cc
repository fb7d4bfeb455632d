// What is in flight of asynchronous I/O: told by no file and no call, but counted by the kernel. A context has
// as many requests to give away as its ring has room for events, but one; some of them lie in stock with each
// CPU, and those whose events were read go back when there is need. What is left is in flight.
//
// Source: struct kioctx and get_reqs_available() of the kernel's fs/aio.c.
#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/task/kernel_facts.h"

#include <algorithm>

namespace cr::task
{

namespace
{

// In this order: what moves from one to the other meanwhile is missed, not counted twice.
int64_t in_flight(const sys::KernelMemory &m, uint64_t context, const std::vector<uint64_t> &cpu_offsets)
{
    int64_t left = m.get<uint32_t>(context, "kioctx", "nr_events") - int64_t{1};
    left -= m.get<int32_t>(context, "kioctx", "reqs_available.counter");
    auto stock = m.get<uint64_t>(context, "kioctx", "cpu");
    for (uint64_t offset : cpu_offsets)
        left -= m.get<uint32_t>(stock + offset, "kioctx_cpu", "reqs_available");
    return left - m.get<uint32_t>(context, "kioctx", "completed_events");
}

} // namespace

std::optional<KernelSource::Requests> KernelSource::requests(pid_t pid)
{
    if (!there())
        return std::nullopt;
    try {
        return read_requests(pid);
    } catch (const Error &error) {
        log::debug(error.what());
        return std::nullopt;
    }
}

KernelSource::Requests KernelSource::read_requests(pid_t pid)
{
    const sys::KernelMemory &m = *memory_;
    Requests out;
    uint64_t memory = 0;
    for (const sys::KernelMemory::Thread &thread : m.threads(pid)) // a main thread that has ended has none
        memory = memory ? memory : m.get<uint64_t>(thread.task, "task_struct", "mm");
    auto table = memory ? m.get<uint64_t>(memory, "mm_struct", "ioctx_table") : 0;
    if (!table)
        return out;
    if (cpu_offsets_.empty())
        cpu_offsets_ = m.cpu_offsets();
    const uint32_t count = m.get<uint32_t>(table, "kioctx_table", "nr");
    for (uint32_t i = 0; i < count; i++) {
        auto context = m.get<uint64_t>(table + m.offset("kioctx_table", "table") + i * sizeof(uint64_t));
        if (!context)
            continue;
        out.in_flight += static_cast<uint64_t>(std::max<int64_t>(in_flight(m, context, cpu_offsets_), 0));
        uint64_t cancellable = context + m.offset("kioctx", "active_reqs");
        out.endless |= m.get<uint64_t>(cancellable) != cancellable; // the first of the list
    }
    return out;
}

} // namespace cr::task
