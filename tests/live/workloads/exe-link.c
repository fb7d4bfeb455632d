// without: mm.exe_file_id
// /proc/self/exe, for a program that runs from a copy of its file.
#include "workload.h"

int main(int argc, char **argv)
{
    char before[4096] = "", after[4096] = "";
    check(argc == 1, "arguments");
    if (strcmp(argv[0], "copied") != 0) {
        char command[8192], *copied[] = {"copied", NULL};
        snprintf(command, sizeof command, "cp '%s' copy", argv[0]);
        check(system(command) == 0, "cp");
        execv("copy", copied);
        check(0, "execv");
    }
    check(readlink("/proc/self/exe", before, sizeof before - 1) > 0, "readlink");
    check(strcmp(strrchr(before, '/'), "/copy") == 0, "set-up");
    ready();
    wait_for_go();
    check(readlink("/proc/self/exe", after, sizeof after - 1) > 0, "readlink");
    check(strcmp(before, after) == 0, "/proc/self/exe");
    pass();
}
