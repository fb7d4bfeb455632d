// The main function of every tool binary: TOOL_MAIN is the tool's own function (cr_freeze_main for
// cr-freeze), which lives in tools/cr-freeze.cc so that the umbrella can run the same function in a forked
// stage.
#include <csignal>
#include <fcntl.h>
#include <malloc.h>

int TOOL_MAIN(int argc, char **argv);

// Whoever starts us may have closed them (CRIU's Python client does). What is opened first would get their
// numbers then, and the pipes between stages would take its place.
static void have_standard_streams()
{
    for (int fd = 0; fd <= 2; fd++)
        if (::fcntl(fd, F_GETFD) < 0)
            static_cast<void>(::open("/dev/null", O_RDWR)); // the lowest number that is free, which is fd
}

// What is freed is wanted again: given back to the kernel, it would have to be cleared for us once more.
static void keep_memory()
{
    ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
    ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
    ::mallopt(M_TOP_PAD, 64 << 10);
}

int main(int argc, char **argv)
{
    keep_memory();
    have_standard_streams();
    // A reader that went away is an error to report, not a reason to die in the middle of a freeze.
    std::signal(SIGPIPE, SIG_IGN);
    return TOOL_MAIN(argc, argv);
}
