// Zeros written over a private file mapping, in a parent and, otherwise, in its child: pages that the file has something
// else in.
#include "workload.h"

#include <sys/wait.h>

enum { kPages = 8, kPage = live_page };

static unsigned char *area;

static void is_all(int page, unsigned char what, const char *who)
{
    for (int i = 0; i < kPage; ++i)
        check_equal(area[page * kPage + i], what, who);
}

int main(void)
{
    int fd = file_of_letters("mapped", kPages);
    area = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    check(area != MAP_FAILED, "mmap");
    memset(area, 0, kPage);             // the first
    memset(area + 3 * kPage, 0, kPage); // one in the midst
    memset(area + 7 * kPage, 0, kPage); // the last
    memset(area + 4 * kPage, 'P', kPage);
    volatile int *written = mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(written != MAP_FAILED, "mmap");
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        memset(area + 4 * kPage, 0, kPage);   // where the parent has something
        memset(area + 3 * kPage, 'C', kPage); // and the reverse
        memset(area + 5 * kPage, 0, kPage);   // where it has the file's
        *written = 1;
    } else {
        memset(area + 6 * kPage, 0, kPage); // where the child has the file's
        memset(area + 2 * kPage, 'Q', kPage);
        while (!*written)
            usleep(1000);
        ready();
    }
    wait_for_go();
    is_all(0, 0, "zeros of both");
    is_all(7, 0, "zeros of both");
    is_all(1, 'b', "the file's");
    if (child == 0) {
        is_all(4, 0, "the child's zeros");
        is_all(3, 'C', "the child's");
        is_all(5, 0, "the child's zeros");
        is_all(6, 'g', "the file's, in the child");
        is_all(2, 'c', "the file's, in the child");
        _exit(0);
    }
    is_all(3, 0, "the parent's zeros");
    is_all(4, 'P', "the parent's");
    is_all(5, 'f', "the file's, in the parent");
    is_all(6, 0, "the parent's zeros");
    is_all(2, 'Q', "the parent's");
    int status;
    check(waitpid(child, &status, 0) == child && status == 0, "what the child saw");
    pass();
}
