// without: fdinfo.fd
// Descriptors with high numbers, far apart.
#include "workload.h"
#include <sys/resource.h>

int main(void)
{
    static const int numbers[] = {63, 64, 255, 1000, 1023};
    struct rlimit limit;
    char text[8] = "";
    int file = open("data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    check(setrlimit(RLIMIT_NOFILE, &limit) == 0 && write(file, "content", 7) == 7, "set-up");
    int highest = limit.rlim_max > 5000 ? 5000 : limit.rlim_max - 1;
    for (int i = 0; i < 5; ++i)
        check(dup2(file, numbers[i]) == numbers[i], "dup2");
    check(dup2(file, highest) == highest, "dup2");
    ready();
    wait_for_go();
    for (int i = 0; i < 5; ++i)
        check(pread(numbers[i], text, 7, 0) == 7 && memcmp(text, "content", 7) == 0, "a descriptor");
    check(pread(highest, text, 7, 0) == 7, "the highest descriptor");
    check(fcntl(999, F_GETFD) == -1 && fcntl(highest - 1, F_GETFD) == -1 && fcntl(4000, F_GETFD) == -1,
          "one too many");
    pass();
}
