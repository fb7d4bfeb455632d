// Memory that the kernel may drop (MAP_DROPPABLE): there again, empty or not, and still that.
#include "workload.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

int main(void)
{
    char *area = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_DROPPABLE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        skip("MAP_DROPPABLE: %s\n", strerror(errno));
    char *wiped = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(wiped != MAP_FAILED && madvise(wiped, 65536, MADV_WIPEONFORK) == 0, "set-up");
    area[1] = 'a';
    wiped[1] = 'w';
    ready();
    wait_for_go();
    check(area[1] == 'a' || area[1] == 0, "neither kept nor dropped");
    area[2] = 'b';
    check_equal(wiped[1], 'w', "memory that a fork wipes");
    pid_t pid = fork();
    if (pid == 0)
        _exit(wiped[1] == 0 ? 7 : 8);
    int status = 0;
    check(pid > 0 && waitpid(pid, &status, 0) == pid, "fork");
    check_equal(WEXITSTATUS(status), 7, "what a child has of it");
    pass();
}
