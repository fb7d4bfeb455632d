// The umbrella.
#include "libcr/cli/report.h"

int cr_main(int argc, char **argv);
int cr_main(int argc, char **argv)
{
    return cr::cli::run("cr", argc, argv, [](const cr::cli::Parsed &) { return cr::cli::kFailed; });
}
