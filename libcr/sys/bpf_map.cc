#include "libcr/sys/bpf_map.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/cpus.h"
#include "libcr/sys/file.h"

#include <algorithm>
#include <fcntl.h>

namespace cr::sys
{

using bpf::command;

namespace
{

constexpr size_t kPiece = 4 << 20; // bytes of values that are read at a time

bool is_for_each_cpu(uint32_t type)
{
    return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
           type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

uintptr_t word(const void *at) { return reinterpret_cast<uintptr_t>(at); }

// One entry after the other: what every kernel and every such map can.
void read_one_by_one(int fd, const bpf_map_info &info, const std::function<void(const BpfEntries &)> &take)
{
    uint64_t value_bytes = bpf_value_bytes(info.type, info.value_size);
    std::string key, next(info.key_size, '\0'), value(value_bytes, '\0');
    BpfEntries entries;
    for (;;) {
        bpf_attr step{};
        step.map_fd = static_cast<uint32_t>(fd);
        step.key = key.empty() ? 0 : word(key.data());
        step.next_key = word(next.data());
        long r = command(BPF_MAP_GET_NEXT_KEY, step);
        if (r == -ENOENT)
            break;
        check(r, "read the keys of a BPF map");
        key = next;
        bpf_attr look{};
        look.map_fd = static_cast<uint32_t>(fd);
        look.key = word(key.data());
        look.value = word(value.data());
        check(command(BPF_MAP_LOOKUP_ELEM, look), "read an entry of a BPF map");
        entries.keys += key;
        entries.values += value;
        entries.count++;
        if (entries.values.size() >= kPiece) {
            take(entries);
            entries = {};
        }
    }
    if (entries.count)
        take(entries);
}

} // namespace

bpf_map_info bpf_map_info_of(int fd)
{
    bpf_map_info info{};
    bpf_attr ask{};
    ask.info.bpf_fd = static_cast<uint32_t>(fd);
    ask.info.info_len = sizeof info;
    ask.info.info = word(&info);
    check(command(BPF_OBJ_GET_INFO_BY_FD, ask), "ask what a BPF map is");
    return info;
}

long bpf_map_by_id(uint32_t id, uint32_t mode)
{
    bpf_attr ask{};
    ask.map_id = id;
    ask.open_flags = mode;
    return command(BPF_MAP_GET_FD_BY_ID, ask);
}

uint64_t bpf_value_bytes(uint32_t type, uint32_t value_size)
{
    if (!is_for_each_cpu(type))
        return value_size;
    return ((value_size + uint64_t{7}) & ~uint64_t{7}) * possible_cpus();
}

void read_bpf_map(int fd, const bpf_map_info &info, const std::function<void(const BpfEntries &)> &take)
{
    uint64_t value_bytes = bpf_value_bytes(info.type, info.value_size);
    uint64_t room = std::clamp<uint64_t>(kPiece / value_bytes, 1, info.max_entries);
    // Where the kernel is in the map: a key, or the number of a bucket.
    std::string place(std::max<size_t>(info.key_size, 8), '\0'), next_place = place;
    BpfEntries entries;
    bool first = true;
    for (;;) {
        entries.keys.resize(room * info.key_size);
        entries.values.resize(room * value_bytes);
        bpf_attr ask{};
        ask.batch.in_batch = first ? 0 : word(place.data());
        ask.batch.out_batch = word(next_place.data());
        ask.batch.keys = word(entries.keys.data());
        ask.batch.values = word(entries.values.data());
        ask.batch.count = static_cast<uint32_t>(room);
        ask.batch.map_fd = static_cast<uint32_t>(fd);
        long r = command(BPF_MAP_LOOKUP_BATCH, ask);
        if (first && (is_unsupported(r) || r == kNotForThisMap))
            return read_one_by_one(fd, info, take);
        if (r == -ENOSPC && room < info.max_entries) { // one bucket is larger than that
            room = std::min<uint64_t>(2 * room, info.max_entries);
            continue;
        }
        if (r != -ENOENT)
            check(r, "read the contents of a BPF map");
        entries.count = ask.batch.count;
        entries.keys.resize(uint64_t{entries.count} * info.key_size);
        entries.values.resize(entries.count * value_bytes);
        if (entries.count)
            take(entries);
        if (r == -ENOENT)
            return;
        place.swap(next_place);
        first = false;
    }
}

std::string bpf_types(uint32_t id)
{
    bpf_attr get{};
    get.btf_id = id;
    Fd fd(static_cast<int>(check(command(BPF_BTF_GET_FD_BY_ID, get), "open the types of a BPF map")));
    std::string out;
    for (;;) { // at first its size
        bpf_btf_info info{};
        info.btf = out.empty() ? 0 : word(out.data());
        info.btf_size = static_cast<uint32_t>(out.size());
        bpf_attr ask{};
        ask.info.bpf_fd = static_cast<uint32_t>(fd.get());
        ask.info.info_len = sizeof info;
        ask.info.info = word(&info);
        check(command(BPF_OBJ_GET_INFO_BY_FD, ask), "read the types of a BPF map");
        if (!out.empty() || !info.btf_size)
            return out;
        out.resize(info.btf_size);
    }
}

long load_bpf_types(const std::string &types)
{
    bpf_attr load{};
    load.btf = word(types.data());
    load.btf_size = static_cast<uint32_t>(types.size());
    return command(BPF_BTF_LOAD, load);
}

long pinned_bpf_map(const char *name)
{
    bpf_attr get{};
    get.pathname = word(name);
    long r = command(BPF_OBJ_GET, get);
    if (r < 0)
        return r;
    Fd fd(static_cast<int>(r));
    auto link = readlink_at(AT_FDCWD, cat("/proc/self/fd/", r).c_str());
    return link == "anon_inode:bpf-map" ? fd.release() : -EINVAL;
}

std::optional<std::map<uint32_t, std::string>> bpf_maps_of_programs()
{
    std::map<uint32_t, std::string> out;
    bpf_attr step{};
    for (long r; (r = command(BPF_PROG_GET_NEXT_ID, step)) != -ENOENT;) {
        if (r < 0)
            return std::nullopt;
        uint32_t id = step.start_id = step.next_id;
        bpf_attr get{};
        get.prog_id = id;
        long opened = command(BPF_PROG_GET_FD_BY_ID, get);
        if (opened == -ENOENT) // gone meanwhile
            continue;
        if (opened < 0)
            return std::nullopt;
        Fd fd(static_cast<int>(opened));
        uint32_t maps[64]; // as many as a program can have
        bpf_prog_info info{};
        info.map_ids = word(maps);
        info.nr_map_ids = std::size(maps);
        bpf_attr ask{};
        ask.info.bpf_fd = static_cast<uint32_t>(fd.get());
        ask.info.info_len = sizeof info;
        ask.info.info = word(&info);
        if (command(BPF_OBJ_GET_INFO_BY_FD, ask) != 0)
            return std::nullopt;
        for (size_t i = 0; i < std::min<size_t>(info.nr_map_ids, std::size(maps)); i++)
            out.emplace(maps[i], cat(id, " (", printable(info.name), ")"));
    }
    return out;
}

} // namespace cr::sys
