// Fills a new BPF map.
//
// Maps that give up what was used least recently ("LRU") do so before they are full: the kernel puts room aside for each
// CPU that writes, a hundred entries at a time, or (BPF_F_NO_COMMON_LRU) divides the map among all CPUs for good. So
// this thread stays on one CPU, or takes one after the other; and what was given up all the same is added again.
//
// Source: kernel/bpf/bpf_lru_list.c of the kernel.
#pragma once

#include "libcr/sys/bpf_map.h"

#include <string>
#include <vector>

namespace cr::sys
{

class BpfMapFiller
{
  public:
    explicit BpfMapFiller(int fd);
    ~BpfMapFiller(); // this thread may run on all its CPUs again
    BpfMapFiller(const BpfMapFiller &) = delete;
    BpfMapFiller &operator=(const BpfMapFiller &) = delete;

    void add(const BpfEntries &entries);
    // Adds those of them that have been given up again.
    void add_missing(const BpfEntries &entries);
    // How many of all that were added are missing.
    uint64_t missing() const;

  private:
    bool gives_up() const;
    void put(const BpfEntries &entries);
    void stay_on(size_t cpu);

    int fd_;
    bpf_map_info info_;
    std::vector<uint8_t> allowed_; // CPUs, as bits; empty when they are not to be changed
    std::vector<size_t> cpus_;
    uint64_t share_ = 0; // of each CPU, in entries; 0: all are for whoever comes
    uint64_t added_ = 0, again_ = 0;
};

} // namespace cr::sys
