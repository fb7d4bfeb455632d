// without: files.bpf.cr_pins
// A BPF map with a name in a BPF file system, which is still there after the dump: the same map again.
#include "bpf.h"

#include <sys/mount.h>

int main(void)
{
    int map = make_map(BPF_MAP_TYPE_ARRAY, 4, 4, 4, 0, "pinned");
    check(mkdir("pins", 0700) == 0, "mkdir");
    if (mount("bpf", "pins", "bpf", 0, NULL) != 0)
        skip("mount a BPF file system: %s\n", strerror(errno));
    union bpf_attr pin = {.pathname = (uintptr_t) "pins/a_map", .bpf_fd = (uint32_t)map};
    check(bpf(BPF_OBJ_PIN, &pin) == 0, "give a map a name");
    ready();
    wait_for_go();
    union bpf_attr open = {.pathname = (uintptr_t) "pins/a_map"};
    int other = bpf(BPF_OBJ_GET, &open);
    check(umount2("pins", MNT_DETACH) == 0, "umount");
    check(other >= 0, "the name");
    uint32_t key = 2, value = 77;
    check(put(other, &key, &value) == 0, "write by the name");
    value = 0;
    check(get(map, &key, &value) == 0 && value == 77, "what was written by the name");
    pass();
}
