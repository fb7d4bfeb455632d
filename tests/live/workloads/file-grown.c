// modes: plain, pipeline
// A file that is open only to be appended to, as a log is: its size is that of the dump when it is opened
// again.
#include "workload.h"

int main(void)
{
    char text[16] = "";
    int log = open("log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    check(write(log, "before ", 7) == 7, "write");
    ready();
    wait_for_go();
    check(write(log, "after", 5) == 5, "write");
    int reader = open("log", O_RDONLY | O_CLOEXEC);
    check(read(reader, text, sizeof text) == 12 && memcmp(text, "before after", 12) == 0, "the log");
    pass();
}
