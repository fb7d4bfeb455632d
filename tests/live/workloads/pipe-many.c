// without: files.pipe.pipe_id, pipes-data.pipe_id
// Three hundred pipes, each with its own content.
#include "workload.h"

enum { kPipes = 300 };

int main(void)
{
    int ends[kPipes][2], got = -1;
    for (int i = 0; i < kPipes; ++i) {
        int number = i * 7919;
        check(pipe(ends[i]) == 0, "pipe");
        if (i % 3 != 0)
            check(write(ends[i][1], &number, sizeof number) == sizeof number, "write");
    }
    ready();
    wait_for_go();
    for (int i = 0; i < kPipes; ++i) {
        fcntl(ends[i][0], F_SETFL, O_NONBLOCK);
        if (i % 3 == 0)
            check(read(ends[i][0], &got, sizeof got) == -1 && errno == EAGAIN, "an empty pipe has content");
        else
            check(read(ends[i][0], &got, sizeof got) == sizeof got && got == i * 7919,
                  "the content of a pipe");
    }
    pass();
}
