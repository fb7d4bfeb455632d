#include "libcr/mm/aio.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/mm/restore.h"
#include "libcr/sys/file.h"
#include "libcr/sys/procmem.h"

#include <algorithm>
#include <linux/aio_abi.h>
#include <map>
#include <optional>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

namespace cr::mm
{

namespace
{

using program::On;
using program::OpId;
using Vma = img::vma_entry;

// struct aio_ring, at the begin of the memory; struct io_event follow.
struct Header {
    uint32_t id, nr, head, tail, magic, compat_features, incompat_features, length;
};
constexpr uint32_t kMagic = 0xa10a10a1;
constexpr uint64_t kLongest = 64 << 20; // as many requests as fs.aio-max-nr would never allow

constexpr uint64_t events_in(uint64_t length) { return (length - sizeof(Header)) / sizeof(io_event); }

bool is_ring(const Header &header, uint64_t length)
{
    return header.magic == kMagic && header.length == sizeof(Header) && header.nr == events_in(length);
}

std::string name_of(uint64_t start) { return cat("asynchronous I/O context ", hex(start), " (io_setup)"); }
std::string name_of(const Vma &vma) { return name_of(vma.start()); }

// Nothing when the image has no contents of it.
std::optional<Header> stored_header(const TaskPlan &plan, const Vma &vma)
{
    std::vector<Fill> fills = plan.contents(vma);
    if (fills.empty() || fills[0].to != start_of(vma))
        return std::nullopt;
    Header out;
    std::vector<Fd> pages = plan.open_pages();
    if (sys::pread_up_to(pages[fills[0].source].get(), reinterpret_cast<uint8_t *>(&out), sizeof out,
                         fills[0].offset, "pages") != sizeof out)
        bad_image("a pages file ends within a ring");
    return out;
}

} // namespace

uint64_t ring_length(uint64_t requests, uint64_t cpus)
{
    // Some are put aside for each CPU, so there is room for twice as many, and two more.
    uint64_t events = std::max(requests, cpus * 4) * 2 + 2;
    return page_up(sizeof(Header) + events * sizeof(io_event));
}

uint32_t requests_of(uint64_t length)
{
    uint64_t shorter = length <= kPageSize ? 0 : events_in(length - kPageSize); // events that a page less holds
    return static_cast<uint32_t>(shorter < 2 ? 1 : (shorter - 2) / 2 + 1);
}

std::optional<Blocker> ring_blocker(pid_t pid, const proc::Area &area)
{
    constexpr const char *kRemedy = "destroy the context (io_destroy) before the dump";
    const uint64_t length = area.end - area.start;
    std::string name = cat("the ", name_of(area.start.value), " ");
    if (length > kLongest)
        return Blocker{
            cat(name, "has a ring of ", length >> 20, " MiB, and one of more than ", kLongest >> 20, " is not restored"),
            kRemedy};
    Header header;
    if (sys::ProcMem(pid).read(area.start, &header, sizeof header) != sizeof header)
        return Blocker{name + "has a ring that cannot be read", kRemedy};
    if (!is_ring(header, length))
        return Blocker{name + "has a ring that the program has shortened or written over", kRemedy};
    return std::nullopt;
}

void describe_rings(img::mm_entry &mm)
{
    for (const Vma &vma : mm.vmas()) {
        if (!has(vma, kVmaAioRing))
            continue;
        img::aio_ring_entry &out = *mm.add_aios();
        out.set_id(vma.start());
        out.set_nr_req(requests_of(size_of(vma)));
        out.set_ring_len(static_cast<uint32_t>(size_of(vma)));
    }
}

void check_rings(const img::mm_entry &mm)
{
    std::map<uint64_t, const img::aio_ring_entry *> entries;
    for (const img::aio_ring_entry &ring : mm.aios())
        if (!entries.emplace(ring.id(), &ring).second)
            bad_image(cat("there are two asynchronous I/O contexts ", hex(ring.id())));
    for (const Vma &vma : mm.vmas()) {
        if (!has(vma, kVmaAioRing))
            continue;
        auto describe = [&] { return name_of(vma); };
        Subject subject(describe);
        auto entry = entries.find(vma.start());
        if (entry == entries.end())
            bad_image("it has no entry in aios");
        if (entry->second->ring_len() != size_of(vma) || size_of(vma) > kLongest || !entry->second->nr_req() ||
            entry->second->nr_req() > events_in(size_of(vma)))
            bad_image(cat("its ring of ", size_of(vma), " bytes has the length ", entry->second->ring_len(),
                          " for ", entry->second->nr_req(), " requests"));
        entries.erase(entry);
    }
    if (!entries.empty())
        bad_image(cat("the asynchronous I/O context ", hex(entries.begin()->first), " has no memory"));
}

void plan_rings(TaskPlan &plan, uint64_t cpus)
{
    for (const img::aio_ring_entry &entry : plan.mm->aios()) {
        auto vma = std::find_if(plan.mm->vmas().begin(), plan.mm->vmas().end(),
                                [&](const Vma &v) { return v.start() == entry.id(); });
        auto describe = [&] { return name_of(*vma); };
        Subject subject(describe);
        uint32_t requests = entry.nr_req();
        if (ring_length(requests, cpus) != size_of(*vma)) // which the length tells as well
            requests = requests_of(size_of(*vma));
        if (uint64_t here = ring_length(requests, cpus); here != size_of(*vma))
            refused(cat("its ring has ", size_of(*vma), " bytes, and would have ", here,
                        " on this machine with its ", cpus, " CPUs"),
                    "restore on a machine with as many CPUs as that of the dump");
        RingPlan ring{&*vma, requests, 0, 0};
        if (auto header = stored_header(plan, *vma)) {
            if (!is_ring(*header, size_of(*vma)))
                bad_image("its contents are not those of a ring");
            ring.head = header->head % header->nr; // the program may have written anything there
            ring.tail = header->tail % header->nr;
        }
        plan.rings.push_back(ring);
    }
}

namespace
{

// The kernel's new header stays: it differs in the number by which the kernel finds the context.
std::vector<Fill> without_header(std::vector<Fill> fills)
{
    if (!fills.empty())
        fills[0] = {fills[0].to + sizeof(Header), fills[0].size - sizeof(Header), fills[0].offset + sizeof(Header),
                    fills[0].source};
    return fills;
}

// Adds events to a ring, by reads of nothing from an eventfd: the kernel refuses them at once, in an event.
class Turner
{
  public:
    Turner(task::Build &build, uint64_t context, const std::string &name)
        : build_(build), context_(context), name_(name)
    {
        iocb request{};
        request.aio_lio_opcode = IOCB_CMD_PREAD;
        auto data = build.region.data(&request, sizeof request);
        fd_ = build.program.sys(SYS_eventfd2, {0, EFD_CLOEXEC}, On::Fail, name_);
        // Its upper half, zeros, goes into an address that nobody looks at.
        build.program.store({data, offsetof(iocb, aio_fildes)}, fd_);
        requests_ = build.region.space(kAtOnce * sizeof(iocb *));
        for (uint64_t i = 0; i < kAtOnce; i++)
            build.region.point(requests_, i * sizeof(iocb *), data);
        events_ = build.region.space(kAtOnce * sizeof(io_event));
    }
    ~Turner() { build_.close(fd_); }

    // `at_once`: so few that the kernel cannot run out of room for them.
    void add(uint64_t events, uint64_t at_once, bool and_read)
    {
        for (uint64_t n; events; events -= n) {
            n = std::min({events, at_once, kAtOnce});
            build_.program.sys_expect(SYS_io_submit, {context_, n, requests_}, static_cast<int64_t>(n), name_);
            if (and_read)
                build_.program.sys_expect(SYS_io_getevents, {context_, n, n, events_, 0},
                                          static_cast<int64_t>(n), name_);
        }
    }

  private:
    static constexpr uint64_t kAtOnce = 128;

    task::Build &build_;
    uint64_t context_;
    OpId fd_;
    std::string name_;
    program::DataId requests_, events_;
};

// The task stays on one CPU meanwhile, if it may be on the one that we are on.
class OneCpu
{
  public:
    explicit OneCpu(task::Build &build) : build_(build), all_(build.region.space(kMask))
    {
        build.program.sys(SYS_sched_getaffinity, {0, kMask, all_}, On::Ignore);
        std::vector<uint8_t> mask(kMask);
        auto cpu = static_cast<size_t>(::sched_getcpu());
        mask.at(cpu / 8) = static_cast<uint8_t>(1 << cpu % 8);
        build.program.sys(SYS_sched_setaffinity, {0, kMask, build.region.data(mask.data(), kMask)}, On::Ignore);
    }
    ~OneCpu() { build_.program.sys(SYS_sched_setaffinity, {0, kMask, all_}, On::Ignore); }

  private:
    static constexpr size_t kMask = 1024; // bytes, more than any kernel has

    task::Build &build_;
    program::DataId all_;
};

} // namespace

void make_rings(task::Build &build, const TaskPlan &plan,
                const std::function<void(const std::vector<Fill> &)> &fill)
{
    for (const RingPlan &ring : plan.rings)
        reserve(build, start_of(*ring.vma), size_of(*ring.vma), name_of(*ring.vma));
    for (const RingPlan &ring : plan.rings) {
        const Vma &vma = *ring.vma;
        std::string name = name_of(vma);
        auto slot = build.region.space(sizeof(aio_context_t));
        build.program.sys(SYS_io_setup, {ring.requests, slot}, On::Fail,
                          cat(name, ", of as many requests as fs.aio-max-nr allows"));
        OpId made = build.program.load(slot);
        build.program.sys(SYS_mremap,
                          {made, size_of(vma), size_of(vma), MREMAP_MAYMOVE | MREMAP_FIXED, vma.start()}, On::Fail,
                          name);
        uint64_t events = events_in(size_of(vma)), unread = (ring.tail + events - ring.head) % events;
        // What one CPU has put aside for itself, up to half of all, another one cannot have.
        std::optional<OneCpu> on_one_cpu;
        if (unread > events / 4)
            on_one_cpu.emplace(build);
        Turner turner(build, vma.start(), name);
        turner.add(ring.head, events / 4, true);
        turner.add(unread, events, false);
        fill(without_header(plan.contents(vma)));
    }
}

} // namespace cr::mm
