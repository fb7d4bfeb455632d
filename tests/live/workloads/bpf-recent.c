// without: bpfmap-data
// BPF maps that give up what was used least recently, with as much in them as they hold: one for all CPUs, one of which
// each CPU has its share, and one with values of each CPU. Nothing of it is given up on the way.
#include "bpf.h"

enum { ROOM = 1000, MAPS = 3, CPUS = 1024 };

static uint8_t there[MAPS][2 * ROOM];
static uint64_t values[CPUS];

static int has(int map, uint32_t key) { return get(map, &key, values) == 0; }

int main(void)
{
    cpu_set_t all;
    check(sched_getaffinity(0, sizeof all, &all) == 0, "sched_getaffinity");
    int maps[MAPS] = {make_map(BPF_MAP_TYPE_LRU_HASH, 4, 8, ROOM, 0, "common"),
                      make_map(BPF_MAP_TYPE_LRU_HASH, 4, 8, ROOM, BPF_F_NO_COMMON_LRU, "divided"),
                      make_map(BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, ROOM, 0, "values")};
    for (int cpu = 0; cpu < CPUS; cpu++) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET((size_t)cpu, &one);
        if (!CPU_ISSET((size_t)cpu, &all) || sched_setaffinity(0, sizeof one, &one) != 0)
            continue;
        for (uint32_t i = 0; i < ROOM; i++) {
            uint32_t key = (uint32_t)cpu % 2 * ROOM + i;
            values[0] = key;
            for (int n = 0; n < MAPS; n++)
                check(put(maps[n], &key, values) == 0, "fill");
        }
    }
    check(sched_setaffinity(0, sizeof all, &all) == 0, "sched_setaffinity");
    int counts[MAPS];
    for (int n = 0; n < MAPS; n++) {
        counts[n] = count_entries(maps[n]);
        for (uint32_t key = 0; key < 2 * ROOM; key++)
            there[n][key] = (uint8_t)has(maps[n], key);
    }
    ready();
    wait_for_go();
    for (int n = 0; n < MAPS; n++) {
        check_equal(count_entries(maps[n]), counts[n], "the number of entries");
        for (uint32_t key = 0; key < 2 * ROOM; key++)
            check(has(maps[n], key) == there[n][key], "an entry");
    }
    pass();
}
