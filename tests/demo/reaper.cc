// reaper COMMAND...: runs it and buries every orphan below it, as an init should; some containers have an
// init that does so late or never, and a pid that nobody has waited for cannot come back.
#include <cerrno>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1))
        return 1;
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    for (int status; child > 0;) {
        pid_t ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno != EINTR)
            return 1;
        if (ended == child)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    return 1;
}
