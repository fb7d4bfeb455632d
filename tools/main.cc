// The main function of every tool binary: TOOL_MAIN is the tool's own function (cr_freeze_main for
// cr-freeze), which lives in tools/cr-freeze.cc so that the umbrella can run the same function in a forked
// stage.
#include <csignal>

int TOOL_MAIN(int argc, char **argv);

int main(int argc, char **argv)
{
    // A reader that went away is an error to report, not a reason to die in the middle of a freeze.
    std::signal(SIGPIPE, SIG_IGN);
    return TOOL_MAIN(argc, argv);
}
