// without: mm.cr_ldt
// Segments of a process's own (modify_ldt), of which a child has others.
#include "workload.h"
#include <asm/ldt.h>

static void set(unsigned number, unsigned base)
{
    struct user_desc segment = {.entry_number = number,
                                .base_addr = base,
                                .limit = 0xfffff,
                                .seg_32bit = 1,
                                .limit_in_pages = 1,
                                .useable = 1,
                                .read_exec_only = number & 1};
    check(syscall(SYS_modify_ldt, 0x11, &segment, sizeof segment) == 0, "modify_ldt");
}

static unsigned table_hash(void)
{
    unsigned char table[512 * 8] = {0};
    long size = syscall(SYS_modify_ldt, 0, table, sizeof table);
    check(size > 0, "no descriptors");
    unsigned hash = 0;
    for (long i = 0; i < size; ++i)
        hash = hash * 31 + table[i];
    return hash;
}

static void child(void)
{
    set(5, 0x7654321);
    unsigned before = table_hash();
    child_ready();
    wait_for_go();
    check_equal(table_hash(), before, "the child's descriptors");
    pass();
}

int main(void)
{
    struct user_desc none = {.entry_number = 1, .read_exec_only = 1, .seg_not_present = 1};
    if (syscall(SYS_modify_ldt, 0x11, &none, sizeof none) != 0 && errno == ENOSYS)
        skip("no modify_ldt");
    set(3, 0x12345678);
    set(300, 0x10000);
    unsigned before = table_hash();
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    check_equal(table_hash(), before, "the descriptors");
    child_passed(pid);
    pass();
}
