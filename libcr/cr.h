/* libcr: checkpoint and restore for programs that embed it. In C, so that any language can call it; link with
 * `pkg-config --cflags --libs cr`.
 *
 *     struct cr_error error;
 *     struct cr_dump_options dump = {.size = sizeof dump, .tree = pid, .images_dir = "/var/lib/x"};
 *     if (cr_dump(&dump, &error))
 *         fprintf(stderr, "%s\n", error.message);
 *
 * Each call does its work in child processes of its own and waits for them: signal masks, limits, descriptors
 * and threads of the caller are left alone. Calls may come from several threads at once. A caller that waits
 * for any child (wait, or SIGCHLD ignored) while a call runs takes its result away: the call then fails.
 *
 * The `size` member says which version of a struct the caller was compiled with; members that it does not
 * have are zero. Zero is the default of every other member. */
#ifndef CR_CR_H
#define CR_CR_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cr_error {
    int err;            /* an errno value, or 0 */
    char subject[512];  /* on which object: "pid 42, fd 5 (socket)"; may be empty */
    char remedy[512];   /* what to do about it; may be empty */
    char message[2048]; /* all in one sentence */
};

enum cr_after {
    CR_AFTER_KILL = 0,
    CR_AFTER_RUN = 1,
    CR_AFTER_STOP = 2,
};

struct cr_dump_options {
    size_t size;
    pid_t tree;             /* the root; must not be the caller or an ancestor of it */
    const char *images_dir; /* made when missing */
    enum cr_after after;
    int shell_job;       /* as --shell-job */
    int dry_run;         /* only find out whether the tree can be dumped */
    unsigned timeout_ms; /* to stop the tree in; 0: ten seconds */
};

struct cr_restore_options {
    size_t size;
    const char *images_dir;
    int as_child;      /* the root becomes a child of the caller, who has to wait for it; otherwise of init */
    int leave_stopped; /* tasks stop before they run any code */
    int shell_job;
};

/* "0.1.0" */
const char *cr_version(void);

/* 0, or -1 with *error filled in (which may be null). The tree is then as it was. */
int cr_dump(const struct cr_dump_options *options, struct cr_error *error);

/* The pid of the root, or -1 with *error filled in. Nothing of the tree is left then. */
pid_t cr_restore(const struct cr_restore_options *options, struct cr_error *error);

#ifdef __cplusplus
}
#endif

#endif
