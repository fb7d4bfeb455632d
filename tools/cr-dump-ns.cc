// cr-dump-ns: the stage of a dump that writes namespaces.
#include "chain.h"
#include "libcr/cli/report.h"
#include "libcr/session/stage_ns.h"

int cr_dump_ns_main(int argc, char **argv);
int cr_dump_ns_main(int argc, char **argv)
{
    return cr::cli::run("cr-dump-ns", argc, argv, [](const cr::cli::Parsed &parsed) {
        if (parsed.has("tree"))
            return cr::tools::run_alone(parsed);
        return cr::session::run_stage("cr-dump-ns", 0, 1, cr::session::dump_ns);
    });
}
