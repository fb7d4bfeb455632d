// The main function of every tool binary: TOOL_MAIN is the tool's own function (cr_freeze_main for
// cr-freeze), which lives in tools/cr-freeze.cc so that the umbrella can run the same function in a forked
// stage.
#include <csignal>
#include <fcntl.h>

int TOOL_MAIN(int argc, char **argv);

// Whoever starts us may have closed them (CRIU's Python client does). What is opened first would get their
// numbers then, and the pipes between stages would take its place.
static void have_standard_streams()
{
    for (int fd = 0; fd <= 2; fd++)
        if (::fcntl(fd, F_GETFD) < 0)
            static_cast<void>(::open("/dev/null", O_RDWR)); // the lowest number that is free, which is fd
}

int main(int argc, char **argv)
{
    have_standard_streams();
    // A reader that went away is an error to report, not a reason to die in the middle of a freeze.
    std::signal(SIGPIPE, SIG_IGN);
    return TOOL_MAIN(argc, argv);
}
