// without: ipcns-shm.desc, ipcns-shm.size
// A System V shared memory segment that was removed while attached: shared with a child, attached twice, once
// for reading, partly unmapped and protected; it can still be detached.
#include "workload.h"
#include <sys/shm.h>

static char *area;

static void child(void)
{
    area[1] = 'c';
    child_ready();
    wait_for_go();
    while (area[2] != 'p')
        sleep_ms(1);
    area[1] = 'd';
    _exit(0);
}

int main(void)
{
    int id = shmget(0x63720000 + getpid() % 10000, 100000, IPC_CREAT | IPC_EXCL | 0600);
    if (id < 0)
        skip("shmget: %s\n", strerror(errno));
    area = shmat(id, NULL, 0);
    char *view = shmat(id, NULL, SHM_RDONLY);
    check(shmctl(id, IPC_RMID, NULL) == 0 && area != (void *)-1 && view != (void *)-1, "set-up");
    area[4100] = 'v';
    area[99999] = 'e';
    check(munmap(area + 40960, 8192) == 0 && mprotect(area + 20480, 4096, PROT_READ) == 0, "set-up");
    pid_t pid = start_child(child);
    struct shmid_ds status, before;
    check(shmctl(id, IPC_STAT, &before) == 0, "status");
    ready();
    wait_for_go();
    check(shmctl(id, IPC_STAT, &status) == 0, "the id");
    check_equal(status.shm_nattch, before.shm_nattch, "attachments");
    check_equal(status.shm_perm.mode, before.shm_perm.mode, "the mode");
    check_equal(status.shm_segsz, 100000, "the size");
    check_equal(area[4100], 'v', "contents");
    check_equal(view[4100], 'v', "contents of the view");
    check_equal(area[99999], 'e', "the end");
    check_equal(area[1], 'c', "what the child wrote");
    area[2] = 'p';
    check(waitpid(pid, NULL, 0) == pid, "wait");
    check_equal(view[1], 'd', "what the child wrote afterwards");
    check(mprotect(view, 4096, PROT_WRITE) == -1 && errno == EACCES, "a view that may be read only");
    check(shmdt(view) == 0 && shmdt(area) == 0 && shmctl(id, IPC_STAT, &status) == -1, "its end");
    pass();
}
