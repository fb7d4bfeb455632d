// cr-dump-net: the stage of a dump that writes sockets.
#include "chain.h"
#include "libcr/cli/report.h"
#include "libcr/session/stage_net.h"

int cr_dump_net_main(int argc, char **argv);
int cr_dump_net_main(int argc, char **argv)
{
    return cr::cli::run("cr-dump-net", argc, argv, [](const cr::cli::Parsed &parsed) {
        if (parsed.has("tree"))
            return cr::tools::run_alone(parsed);
        return cr::session::run_stage("cr-dump-net", 0, 1, cr::session::dump_net);
    });
}
