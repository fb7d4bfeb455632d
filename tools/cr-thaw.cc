// cr-thaw: ends the pipeline of a dump. When every stage is well it seals the images and has the tree let go as asked;
// otherwise it has everything undone and says what went wrong.
#include "libcr/base/log.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/session/link.h"
#include "libcr/session/thaw.h"

#include <cstdio>

using namespace cr;

namespace
{

session::Release release_of(cli::After after)
{
    switch (after) {
    case cli::After::Run:
        return session::Release::Resume;
    case cli::After::Stop:
        return session::Release::Stop;
    case cli::After::Kill:
        break;
    }
    return session::Release::Kill;
}

void display(const img::dump_stats_entry &stats)
{
    auto ms = [](uint32_t us) { return static_cast<double>(us) / 1000; };
    printf("Dumped: frozen %.1f ms (freezing %.1f ms), memory %.1f ms, %llu pages written of %llu\n",
           ms(stats.frozen_time()), ms(stats.freezing_time()), ms(stats.memdump_time()),
           static_cast<unsigned long long>(stats.pages_written()),
           static_cast<unsigned long long>(stats.pages_scanned()));
}

} // namespace

int cr_thaw_main(int argc, char **argv);
int cr_thaw_main(int argc, char **argv)
{
    return cli::run("cr-thaw", argc, argv, [](const cli::Parsed &parsed) {
        cli::ThawOptions options = cli::thaw_options(parsed);
        try {
            session::ThawResult result = session::thaw(0, release_of(options.after), {});
            if (result.dry_run)
                printf("The tree can be dumped.\n");
            if (result.partial)
                fprintf(stderr, "cr-thaw: parts of the tree were not dumped: good to look at, not to restore\n");
            if (options.display_stats)
                display(result.statistics);
            return cli::kOk;
        } catch (const session::NoSession &) {
            fprintf(stderr, "cr-thaw: the session did not begin\n");
            return cli::kFailed;
        } catch (const session::Blocked &blocked) {
            for (size_t i = 0; i + 1 < blocked.blockers.size(); i++) {
                log::error(blocked.blockers[i].what());
                if (log::config().fd != 2)
                    fprintf(stderr, "cr-thaw: %s\n", blocked.blockers[i].what());
            }
            throw blocked.blockers.back();
        }
    });
}
