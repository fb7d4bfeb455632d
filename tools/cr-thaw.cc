// cr-thaw: ends the pipeline of a dump. When every stage is well it seals the images and has the tree let go
// as asked; otherwise it has everything undone and says what went wrong.
#include "action_scripts.h"
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/image/dir.h"
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

void report_json(const session::ThawResult &result)
{
    auto truth = [](bool value) { return value ? "true" : "false"; };
    const img::dump_stats_entry &stats = result.statistics;
    std::string text =
        cat("{\"dry_run\":", truth(result.dry_run), ",\"partial\":", truth(result.partial),
            ",\"freezing_us\":", stats.freezing_time(), ",\"frozen_us\":", stats.frozen_time(),
            ",\"memdump_us\":", stats.memdump_time(), ",\"pages_scanned\":", stats.pages_scanned(),
            ",\"pages_written\":", stats.pages_written(), "}");
    puts(text.c_str());
}

void report(const session::ThawResult &result, const cli::ThawOptions &options)
{
    if (options.json)
        return report_json(result);
    if (result.dry_run)
        printf("The tree can be dumped.\n");
    if (result.partial)
        fprintf(stderr, "cr-thaw: parts of the tree were not dumped: good to look at, not to restore\n");
    if (options.display_stats)
        display(result.statistics);
}

int thaw(const cli::ThawOptions &options)
{
    int script_code = 0;
    auto post_dump = [&](const img::session_hello &hello, pid_t root) {
        bool nobody = options.action_scripts.empty() && options.notify_fd < 0;
        if (nobody || hello.dry_run() || hello.pre_dump())
            return;
        image::Dir images = image::Dir::open(hello.images_dir());
        script_code = tools::ActionScripts(options.action_scripts, images.fd(), options.notify_fd)
                          .run("post-dump", root);
        if (script_code)
            failed_with(0, cat("keep the dump: an action script ended with ", script_code, " at post-dump"));
    };
    try {
        report(session::thaw(0, release_of(options.after), post_dump), options);
        return cli::kOk;
    } catch (const session::NoSession &) {
        return cli::kFailed; // the first tool has said why
    } catch (const session::Blocked &blocked) {
        cli::end_with("cr-thaw", blocked.blockers, options.json);
    } catch (const Error &error) {
        if (script_code)
            throw cli::WithCode(error, script_code);
        throw;
    }
}

} // namespace

int cr_thaw_main(int argc, char **argv);
int cr_thaw_main(int argc, char **argv)
{
    return cli::run("cr-thaw", argc, argv,
                    [](const cli::Parsed &parsed) { return thaw(cli::thaw_options(parsed)); });
}
