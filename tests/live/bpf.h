// BPF maps for workloads, by bpf(2) itself.
#ifndef LIVE_BPF_H
#define LIVE_BPF_H

#include "workload.h"

#include <linux/bpf.h>

static inline int bpf(int command, union bpf_attr *attr) { return (int)syscall(SYS_bpf, command, attr, sizeof *attr); }

static inline int make_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags,
                           const char *name)
{
    union bpf_attr attr = {.map_type = type, .key_size = key, .value_size = value, .max_entries = entries};
    attr.map_flags = flags;
    memcpy(attr.map_name, name, strlen(name));
    int fd = bpf(BPF_MAP_CREATE, &attr);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        skip("bpf: %s\n", strerror(errno));
    check(fd >= 0, "make a map");
    return fd;
}

static inline int put(int fd, const void *key, const void *value)
{
    union bpf_attr attr = {.map_fd = (uint32_t)fd, .key = (uintptr_t)key, .value = (uintptr_t)value};
    return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static inline int get(int fd, const void *key, void *value)
{
    union bpf_attr attr = {.map_fd = (uint32_t)fd, .key = (uintptr_t)key, .value = (uintptr_t)value};
    return bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

static inline struct bpf_map_info info_of(int fd)
{
    struct bpf_map_info info = {0};
    union bpf_attr attr = {.info = {(uint32_t)fd, sizeof info, (uintptr_t)&info}};
    check(bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0, "ask for a map's info");
    return info;
}

// The number of entries.
static inline int count_entries(int fd)
{
    char key[64];
    union bpf_attr attr = {.map_fd = (uint32_t)fd, .next_key = (uintptr_t)key};
    int count = 0;
    while (bpf(BPF_MAP_GET_NEXT_KEY, &attr) == 0) {
        attr.key = (uintptr_t)key;
        count++;
    }
    return count;
}

#endif
