/* A program that embeds libcr: dumps a child of its own, sees it gone, brings it back as its child, and meets
 * errors. embed DIR Ends with 0 when all was as it should be, otherwise with the number of the step. */
#include <cr/cr.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int stop(int step, const struct cr_error *error)
{
    fprintf(stderr, "step %d: %s\n", step, error ? error->message : "not as it should be");
    return step;
}

int main(int argc, char **argv)
{
    struct cr_error error;
    struct cr_dump_options dump = {.size = sizeof dump};
    struct cr_restore_options restore = {.size = sizeof restore};
    int status;
    pid_t child;

    if (argc != 2 || strcmp(cr_version(), "0.1.0"))
        return stop(1, NULL);
    dump.images_dir = restore.images_dir = argv[1];

    dump.tree = 4000000;
    if (cr_dump(&dump, &error) != -1 || !error.message[0] || !strstr(error.message, "4000000"))
        return stop(2, &error);
    if (cr_restore(&restore, &error) != -1 || !error.message[0])
        return stop(3, NULL);

    child = fork();
    if (child == 0) {
        setsid();
        close(0), close(1), close(2);
        for (;;)
            pause();
    }
    usleep(100000);
    dump.tree = child;
    dump.after = CR_AFTER_RUN;
    if (cr_dump(&dump, &error))
        return stop(4, &error);
    if (kill(child, 0))
        return stop(5, NULL);
    dump.after = CR_AFTER_KILL;
    if (cr_dump(&dump, &error))
        return stop(6, &error);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
        return stop(7, NULL);

    restore.as_child = 1;
    if (cr_restore(&restore, &error) != child)
        return stop(8, &error);
    if (waitpid(child, &status, WNOHANG) != 0)
        return stop(9, NULL);
    kill(child, SIGKILL);
    if (waitpid(child, &status, 0) != child)
        return stop(10, NULL);
    return 0;
}
