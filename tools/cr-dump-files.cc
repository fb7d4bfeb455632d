// cr-dump-files: the stage of a dump that writes descriptors, working directories and the files behind
// mappings.
#include "chain.h"
#include "libcr/cli/report.h"
#include "libcr/session/stage_files.h"

int cr_dump_files_main(int argc, char **argv);
int cr_dump_files_main(int argc, char **argv)
{
    return cr::cli::run("cr-dump-files", argc, argv, [](const cr::cli::Parsed &parsed) {
        if (parsed.has("tree"))
            return cr::tools::run_alone(parsed);
        return cr::session::run_stage("cr-dump-files", 0, 1, cr::session::dump_files);
    });
}
