// without: files.bpf.map_name, files.bpf.map_flags, files.bpf.frozen, files.bpf.cr_types, files.bpf.flags, bpfmap-data
// BPF maps: hashes and arrays of several kinds with what is in them, frozen ones, one of which the types are told
// (BTF), one that is shared, one that is open twice, for reading only and for both.
#include "bpf.h"

#include <linux/btf.h>

#define ENTRIES 3000

// One type, an unsigned int.
static int load_types(void)
{
    struct {
        struct btf_header header;
        struct btf_type type;
        uint32_t integer;
        char names[8];
    } btf = {
        {BTF_MAGIC, 1, 0, sizeof btf.header, 0, 16, 16, 8},
        {.name_off = 1, .info = BTF_KIND_INT << 24, .size = 4},
        32,
        "\0number",
    };
    union bpf_attr attr = {.btf = (uintptr_t)&btf, .btf_size = sizeof btf};
    int fd = bpf(BPF_BTF_LOAD, &attr);
    check(fd >= 0, "load types");
    return fd;
}

static int make_typed_map(void)
{
    int types = load_types();
    union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
    attr.btf_fd = (uint32_t)types;
    attr.btf_key_type_id = attr.btf_value_type_id = 1;
    int fd = bpf(BPF_MAP_CREATE, &attr);
    check(fd >= 0 && close(types) == 0, "make a map with types");
    return fd;
}

static int shared;

static void child(void)
{
    uint32_t key = 7, value = 8;
    child_ready();
    wait_for_go();
    check(put(shared, &key, &value) == 0, "the child's write");
}

int main(void)
{
    uint32_t key = 0, one = 1;
    uint64_t value = 5, found = 0;
    int hash = make_map(BPF_MAP_TYPE_HASH, 4, 8, ENTRIES, 0, "a_hash");
    int grown = make_map(BPF_MAP_TYPE_HASH, 4, 8, 1000, BPF_F_NO_PREALLOC, "grown");
    int array = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, ENTRIES, BPF_F_RDONLY_PROG, "an_array");
    int recent = make_map(BPF_MAP_TYPE_LRU_HASH, 4, 8, 1000, 0, "recent");
    int trie = make_map(BPF_MAP_TYPE_LPM_TRIE, 8, 8, 100, BPF_F_NO_PREALLOC, "prefixes");
    int for_cpus = make_map(BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 10, 0, "for_cpus");
    int for_cpus_too = make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 10, 0, "for_cpus_too");
    int empty = make_map(BPF_MAP_TYPE_HASH, 16, 1, 10, 0, "");
    int typed = make_typed_map();
    for (key = 0; key < ENTRIES; key++) {
        value = key * 3;
        check(put(hash, &key, &value) == 0 && put(array, &key, &value) == 0, "fill");
    }
    key = 4711;
    check(put(grown, &key, &value) == 0 && put(recent, &key, &value) == 0, "fill");
    uint32_t prefix[2] = {24, 0x0102030a};
    check(put(trie, prefix, &value) == 0, "fill a trie");
    static uint64_t of_cpus[4096], of_cpus_now[4096];
    for (int i = 0; i < 4096; i++)
        of_cpus[i] = (uint64_t)i + 1;
    check(put(for_cpus, &key, of_cpus) == 0, "fill a map for each CPU");
    key = 3;
    check(put(for_cpus_too, &key, of_cpus) == 0, "fill an array for each CPU");
    union bpf_attr attr = {.map_fd = (uint32_t)array};
    check(bpf(BPF_MAP_FREEZE, &attr) == 0, "freeze");
    shared = make_map(BPF_MAP_TYPE_HASH, 4, 4, 10, 0, "shared");
    union bpf_attr by_id = {.map_id = info_of(shared).id, .open_flags = BPF_F_RDONLY};
    int readable = bpf(BPF_MAP_GET_FD_BY_ID, &by_id);
    check(readable >= 0, "open a map twice");
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    child_passed(pid);

    for (key = 0; key < ENTRIES; key++) {
        check(get(hash, &key, &found) == 0 && found == key * 3, "an entry of a hash");
        check(get(array, &key, &found) == 0 && found == key * 3, "an entry of an array");
    }
    check_equal(count_entries(hash), ENTRIES, "entries of a hash");
    check_equal(count_entries(empty), 0, "entries of an empty one");
    key = 4711;
    check(get(grown, &key, &found) == 0 && found == value, "an entry of a hash that grows");
    check(get(recent, &key, &found) == 0 && found == value, "an entry of an LRU hash");
    check(get(trie, prefix, &found) == 0 && found == value && count_entries(trie) == 1, "an entry of a trie");
    check(get(for_cpus, &key, of_cpus_now) == 0 && of_cpus_now[0] == 1 &&
              of_cpus_now[1] == (sysconf(_SC_NPROCESSORS_CONF) > 1 ? 2 : 0),
          "the values of the CPUs");
    key = 3;
    check(get(for_cpus_too, &key, of_cpus_now) == 0 && of_cpus_now[0] == 1, "the values of the CPUs");
    key = 7;
    check(get(readable, &key, &one) == 0 && one == 8, "what the child wrote");
    check(put(readable, &key, &one) == -1 && errno == EPERM, "a descriptor for reading only");
    check(put(array, &key, &value) == -1 && errno == EPERM, "a frozen one");
    check(strcmp(info_of(hash).name, "a_hash") == 0, "a name");
    check_equal(info_of(array).map_flags, BPF_F_RDONLY_PROG, "flags");
    check_equal(info_of(grown).map_flags, BPF_F_NO_PREALLOC, "flags");
    check_equal(info_of(grown).max_entries, 1000, "the size");
    check(info_of(typed).btf_id != 0 && info_of(typed).btf_value_type_id == 1, "the types");
    pass();
}
