// What is in the BPF maps of a tree: the image bpfmap-data.
#pragma once

#include "libcr/files/kind.h"
#include "libcr/image/dir.h"

#include <map>
#include <string>
#include <vector>

namespace cr::files
{

// Where some of a map's entries are in the image: their keys, then their values.
struct BpfMapPiece {
    uint64_t offset = 0;
    uint32_t key_bytes = 0, value_bytes = 0; // of all of them
    uint32_t count = 0;
};
using BpfMapContents = std::map<uint32_t, std::vector<BpfMapPiece>>; // by map id

BpfMapContents read_bpf_map_contents(const image::Dir &images);

// The id of the map behind a descriptor.
uint32_t bpf_map_id(int fd);
// Those of the maps, each with its first descriptor, that programs of the kernel use: they would go on with the old map.
void find_used_bpf_maps(const std::map<uint32_t, Facts> &maps, std::vector<Blocker> &out);

} // namespace cr::files
