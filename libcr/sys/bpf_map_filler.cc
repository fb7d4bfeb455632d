#include "libcr/sys/bpf_map_filler.h"

#include "libcr/base/text.h"
#include "libcr/sys/cpus.h"

#include <algorithm>

namespace cr::sys
{

using bpf::command;

namespace
{

constexpr size_t kMaskBytes = 1024; // more than any kernel has

uintptr_t word(const void *at) { return reinterpret_cast<uintptr_t>(at); }

BpfEntries part_of(const BpfEntries &all, uint64_t from, uint64_t count)
{
    uint64_t key = all.keys.size() / all.count, value = all.values.size() / all.count;
    return {all.keys.substr(from * key, count * key), all.values.substr(from * value, count * value),
            static_cast<uint32_t>(count)};
}

} // namespace

BpfMapFiller::BpfMapFiller(int fd) : fd_(fd), info_(bpf_map_info_of(fd))
{
    if (!gives_up())
        return;
    allowed_.resize(kMaskBytes);
    if (call(SYS_sched_getaffinity, 0, allowed_.size(), allowed_.data()) < 0)
        allowed_.clear();
    for (size_t cpu = 0; cpu < allowed_.size() * 8; cpu++)
        if (allowed_[cpu / 8] >> cpu % 8 & 1)
            cpus_.push_back(cpu);
    if (info_.map_flags & BPF_F_NO_COMMON_LRU)
        share_ = info_.max_entries / possible_cpus();
}

BpfMapFiller::~BpfMapFiller()
{
    if (!allowed_.empty())
        call(SYS_sched_setaffinity, 0, allowed_.size(), allowed_.data());
}

bool BpfMapFiller::gives_up() const
{
    return info_.type == BPF_MAP_TYPE_LRU_HASH || info_.type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

void BpfMapFiller::stay_on(size_t cpu)
{
    std::vector<uint8_t> mask(kMaskBytes);
    mask[cpu / 8] = static_cast<uint8_t>(1 << cpu % 8);
    call(SYS_sched_setaffinity, 0, mask.size(), mask.data());
}

void BpfMapFiller::add(const BpfEntries &entries)
{
    for (uint64_t at = 0, n; at < entries.count; at += n, added_ += n) {
        n = entries.count - at;
        if (share_)
            n = std::min(n, share_ - added_ % share_);
        if (!cpus_.empty())
            stay_on(cpus_[share_ ? added_ / share_ % cpus_.size() : 0]);
        put(n == entries.count ? entries : part_of(entries, at, n));
    }
}

void BpfMapFiller::add_missing(const BpfEntries &entries)
{
    std::string value(bpf_value_bytes(info_.type, info_.value_size), '\0');
    for (uint64_t i = 0; i < entries.count; i++) {
        BpfEntries one = part_of(entries, i, 1);
        bpf_attr look{};
        look.map_fd = static_cast<uint32_t>(fd_);
        look.key = word(one.keys.data());
        look.value = word(value.data());
        if (command(BPF_MAP_LOOKUP_ELEM, look) != -ENOENT)
            continue;
        if (share_ && !cpus_.empty())
            stay_on(cpus_[again_++ % cpus_.size()]);
        put(one);
    }
}

uint64_t BpfMapFiller::missing() const
{
    uint64_t there = 0;
    if (!gives_up())
        return 0;
    read_bpf_map(fd_, info_, [&](const BpfEntries &entries) { there += entries.count; });
    return added_ - std::min(added_, there);
}

void BpfMapFiller::put(const BpfEntries &entries)
{
    bpf_attr all{};
    all.batch.keys = word(entries.keys.data());
    all.batch.values = word(entries.values.data());
    all.batch.count = entries.count;
    all.batch.map_fd = static_cast<uint32_t>(fd_);
    long r = command(BPF_MAP_UPDATE_BATCH, all);
    if (!is_unsupported(r) && r != kNotForThisMap) {
        check(r, "fill a BPF map");
        return;
    }
    uint64_t value_bytes = bpf_value_bytes(info_.type, info_.value_size);
    for (uint64_t i = 0; i < entries.count; i++) {
        bpf_attr one{};
        one.map_fd = static_cast<uint32_t>(fd_);
        one.key = word(entries.keys.data() + i * info_.key_size);
        one.value = word(entries.values.data() + i * value_bytes);
        check(command(BPF_MAP_UPDATE_ELEM, one), "fill a BPF map");
    }
}

} // namespace cr::sys
