// without: fs.cwd_id
// Working directories, of a parent and of its child.
#include "workload.h"

static void check_directory(const char *name)
{
    char path[4096];
    check(getcwd(path, sizeof path) != NULL, "getcwd");
    check(strcmp(strrchr(path, '/') + 1, name) == 0, "the working directory");
    check(access("marker", F_OK) == 0, "a relative name");
}

static void enter(const char *name)
{
    check(mkdir(name, 0755) == 0 && chdir(name) == 0 && close(open("marker", O_CREAT | O_WRONLY, 0644)) == 0,
          "set-up");
}

static void child(void)
{
    enter("inner");
    child_ready();
    wait_for_go();
    check_directory("inner");
}

int main(void)
{
    enter("outer");
    pid_t pid = start_child(child);
    ready();
    wait_for_go();
    check_directory("outer");
    child_passed(pid);
    pass();
}
