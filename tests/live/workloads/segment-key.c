// without: ipcns-shm.desc
// A System V shared memory segment with a key, which outlives those who use it.
#include "workload.h"
#include <sys/shm.h>

int main(void)
{
    key_t key = 0x63730000 + getpid() % 10000;
    int id = shmget(key, 3 << 20, IPC_CREAT | IPC_EXCL | 0640);
    if (id < 0)
        skip("shmget: %s\n", strerror(errno));
    int *area = shmat(id, NULL, 0);
    struct shmid_ds status;
    check(area != (void *)-1 && shmctl(id, IPC_STAT, &status) == 0, "set-up");
    status.shm_perm.uid = 31;
    status.shm_perm.gid = 32;
    check(shmctl(id, IPC_SET, &status) == 0, "set-up");
    area[0] = 4711;
    area[700000] = 5;
    ready();
    wait_for_go();
    int now = area[0], far = area[700000];
    area[0] = -1; // nobody may see this after a later restore of the same dump
    int same = shmget(key, 0, 0), known = shmctl(id, IPC_STAT, &status);
    shmctl(id, IPC_RMID, NULL);
    check_equal(same, id, "the id of the key");
    check_equal(known, 0, "the segment");
    check_equal(now, 4711, "contents");
    check_equal(far, 5, "contents at the end");
    check_equal(status.shm_nattch, 1, "attachments");
    check_equal(status.shm_perm.uid, 31, "the user");
    check_equal(status.shm_perm.gid, 32, "the group");
    check_equal(status.shm_perm.mode & 0777, 0640, "the mode");
    check(shmdt(area) == 0, "shmdt");
    pass();
}
