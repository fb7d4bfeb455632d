// cr-dump-mm: the stage of a dump that writes mappings and page contents.
#include "chain.h"
#include "libcr/cli/report.h"
#include "libcr/session/stage_mm.h"

int cr_dump_mm_main(int argc, char **argv);
int cr_dump_mm_main(int argc, char **argv)
{
    return cr::cli::run("cr-dump-mm", argc, argv, [](const cr::cli::Parsed &parsed) {
        if (parsed.has("tree"))
            return cr::tools::run_alone(parsed);
        return cr::session::run_dump_mm(0, 1);
    });
}
