#include "libcr/task/seccomp.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/seccomp.h"
#include "libcr/task/kind.h"

#include <algorithm>
#include <cstring>
#include <sys/prctl.h>

namespace cr::task
{

namespace
{

constexpr uint32_t kKnownFlags = SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW;

size_t length_of(const img::seccomp_filter &filter) { return filter.filter().size() / sizeof(sock_filter); }

} // namespace

// ---- dump

void SeccompFilters::capture(ThreadFacts &thread, const KernelSource &kernel)
{
    if (thread.status.seccomp != SECCOMP_MODE_FILTER)
        return;
    std::vector<sys::SeccompFilter> filters = sys::seccomp_filters(thread.tid);
    std::vector<KernelSource::Filter> objects = kernel.filters(thread);
    if (filters.empty() || objects.size() != filters.size())
        failed_with(0, cat("match the ", filters.size(), " seccomp filters of thread ", thread.tid, " with ",
                           objects.size(), " in the kernel"));
    std::optional<uint32_t> previous;
    for (size_t i = 0; i < filters.size(); i++) {
        if (objects[i].listener)
            refused(cat("thread ", thread.tid,
                        " has a seccomp filter with a listener, another process that decides"),
                    "not supported yet");
        auto [known, is_new] =
            by_object_.try_emplace(objects[i].address, static_cast<uint32_t>(image_.seccomp_filters_size()));
        if (is_new) {
            img::seccomp_filter &out = *image_.add_seccomp_filters();
            out.set_filter(filters[i].code.data(), filters[i].code.size() * sizeof(sock_filter));
            if (filters[i].flags)
                out.set_flags(filters[i].flags);
            if (previous)
                out.set_prev(*previous);
        }
        previous = known->second;
    }
    thread.seccomp_filter = previous;
}

static void capture_mode(const ThreadFacts &facts, img::core_entry &core)
{
    if (!facts.status.seccomp)
        return;
    img::thread_core_entry &out = *core.mutable_thread_core();
    out.set_seccomp_mode(facts.status.seccomp == SECCOMP_MODE_STRICT ? img::strict : img::filter);
    if (facts.seccomp_filter)
        out.set_seccomp_filter(*facts.seccomp_filter);
}

// ---- restore

void check_filters(const img::seccomp_entry &filters)
{
    for (int i = 0; i < filters.seccomp_filters_size(); i++) {
        const img::seccomp_filter &filter = filters.seccomp_filters(i);
        if (filter.filter().size() % sizeof(sock_filter) || !length_of(filter) ||
            length_of(filter) > BPF_MAXINSNS)
            bad_image(cat("seccomp.img: filter ", i, " has ", filter.filter().size(), " bytes"));
        if (filter.has_prev() && filter.prev() >= static_cast<uint32_t>(i))
            bad_image(cat("seccomp.img: filter ", i, " comes after filter ", filter.prev(),
                          ", which is not an earlier one"));
        if (filter.flags() & ~kKnownFlags)
            bad_image(cat("seccomp.img: filter ", i, " has flags ", hex(filter.flags())));
    }
}

bool has_seccomp(const img::core_entry &core) { return core.thread_core().seccomp_mode() != img::disabled; }

void check_seccomp(const img::core_entry &core, const img::seccomp_entry &filters)
{
    if (core.thread_core().seccomp_mode() != img::filter)
        return;
    if (!core.thread_core().has_seccomp_filter())
        bad_image("the thread is under seccomp filters, but none is named");
    if (core.thread_core().seccomp_filter() >= static_cast<uint32_t>(filters.seccomp_filters_size()))
        bad_image(cat("seccomp filter ", core.thread_core().seccomp_filter(), " is not in seccomp.img"));
    constexpr size_t kMost = 32768, kPenalty = 4; // MAX_INSNS_PER_PATH of the kernel
    size_t total = 0;
    for (uint32_t index : chain_of(core, filters))
        total += length_of(filters.seccomp_filters(static_cast<int>(index))) + kPenalty;
    if (total > kMost)
        bad_image(
            cat("the chain of seccomp filters has ", total, " instructions, more than the kernel allows"));
}

std::vector<uint32_t> chain_of(const img::core_entry &core, const img::seccomp_entry &filters)
{
    std::vector<uint32_t> out;
    if (core.thread_core().seccomp_mode() != img::filter)
        return out;
    for (uint32_t at = core.thread_core().seccomp_filter();;) {
        out.push_back(at);
        const img::seccomp_filter &filter = filters.seccomp_filters(static_cast<int>(at));
        if (!filter.has_prev())
            break;
        at = filter.prev();
    }
    std::reverse(out.begin(), out.end());
    return out;
}

size_t common_part(const std::vector<std::vector<uint32_t>> &chains)
{
    size_t out = chains.empty() ? 0 : chains.front().size();
    for (const auto &chain : chains) {
        size_t same = 0;
        while (same < std::min(out, chain.size()) && chain[same] == chains.front()[same])
            same++;
        out = same;
    }
    return out;
}

void install(const std::vector<uint32_t> &chain, size_t from, size_t to, bool for_all,
             const img::seccomp_entry &filters, Build &build)
{
    for (size_t i = from; i < to; i++) {
        const img::seccomp_filter &filter = filters.seccomp_filters(static_cast<int>(chain[i]));
        auto code = build.region.data(filter.filter().data(), filter.filter().size());
        sock_fprog program{static_cast<unsigned short>(length_of(filter)), nullptr};
        auto data = build.region.data(&program, sizeof program);
        build.region.point(data, offsetof(sock_fprog, filter), code);
        uint32_t flags = filter.flags() | (for_all ? SECCOMP_FILTER_FLAG_TSYNC : 0);
        build.program.sys_expect(SYS_seccomp, {SECCOMP_SET_MODE_FILTER, flags, data}, 0,
                                 cat("seccomp filter ", chain[i]));
    }
}

void enter_strict(Build &build)
{
    build.program.sys(SYS_prctl, {PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0}, program::On::Fail,
                      "strict seccomp");
}

extern const Kind kSeccomp;
const Kind kSeccomp = {"seccomp", nullptr, capture_mode, nullptr, nullptr};

} // namespace cr::task
