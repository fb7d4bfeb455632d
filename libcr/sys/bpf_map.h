// BPF maps as bpf(2) has them: what they are, what is in them.
//
// Many entries go with one call where the kernel can (BPF_MAP_LOOKUP_BATCH, Linux 5.6; of arrays for each CPU 5.13),
// else one by one.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/sys/bpf.h"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace cr::sys
{

// Of a command that such a map does not know: ENOTSUPP, which has no name outside of the kernel.
inline constexpr long kNotForThisMap = -524;

// Keys without a gap, then their values likewise.
struct BpfEntries {
    std::string keys, values;
    uint32_t count = 0;
};

bpf_map_info bpf_map_info_of(int fd);
// Another descriptor of a map, by its id; `mode` is 0, BPF_F_RDONLY or BPF_F_WRONLY. Or -errno.
long bpf_map_by_id(uint32_t id, uint32_t mode);
// Bytes of one value as it is read and written: of a map for each CPU, all of them.
uint64_t bpf_value_bytes(uint32_t type, uint32_t value_size);
// Everything in the map, some of it at a time.
void read_bpf_map(int fd, const bpf_map_info &info, const std::function<void(const BpfEntries &)> &take);

// The type information (BTF) of that id, as it was given to the kernel.
std::string bpf_types(uint32_t id);
// The kernel takes it again; its descriptor or -errno.
long load_bpf_types(const std::string &types);

// The map of that name in a BPF file system; its descriptor, for reading and writing, or -errno (-EINVAL: no map).
long pinned_bpf_map(const char *name);
// By the ids of maps that loaded programs use: one of those programs, "42 (name)". Empty where we may not look.
std::optional<std::map<uint32_t, std::string>> bpf_maps_of_programs();

} // namespace cr::sys
