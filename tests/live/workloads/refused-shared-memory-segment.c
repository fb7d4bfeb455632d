// refused: sysv|segment|shmat
// A System V shared memory segment.
#include "workload.h"
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
    if (id < 0)
        skip("shmget: %s\n", strerror(errno));
    char *area = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    check(area != (void *)-1, "shmat");
    area[4100] = 'v';
    ready();
    wait_for_go();
    check_equal(area[4100], 'v', "memory after a refused dump");
    pass();
}
