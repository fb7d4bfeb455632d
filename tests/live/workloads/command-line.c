// without: mm.mm_arg_start, mm.mm_arg_end, mm.mm_env_start, mm.mm_env_end
// args: one two "three
// Command line and environment as /proc shows them, after the program wrote over a part of them.
#include "workload.h"

static size_t read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, size);
    check(fd >= 0 && length > 0 && close(fd) == 0, path);
    return length;
}

int main(int argc, char **argv)
{
    static char before[2][8192], after[2][8192];
    static const char *const paths[2] = {"/proc/self/cmdline", "/proc/self/environ"};
    size_t lengths[2];
    check(argc == 4, "arguments");
    live_go = strdup(live_path("LIVE_GO"));
    memset(argv[1], 'X', strlen(argv[1]));
    for (int i = 0; i < 2; ++i)
        lengths[i] = read_file(paths[i], before[i], sizeof before[i]);
    check(strstr(before[0] + strlen(before[0]) + 1, "XXX") != NULL, "set-up");
    ready();
    wait_for_go();
    for (int i = 0; i < 2; ++i) {
        check_equal(read_file(paths[i], after[i], sizeof after[i]), lengths[i], paths[i]);
        check(memcmp(before[i], after[i], lengths[i]) == 0, paths[i]);
    }
    pass();
}
