// cr: the umbrella. CRIU's commands by CRIU's grammar, and any tool by the rest of its name: `cr show` is
// cr-show. Those that are not linked in are looked for next to this program, never along PATH.
#include "action_scripts.h"
#include "chain.h"
#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/image/dedup.h"
#include "libcr/image/dir.h"
#include "libcr/sys/file.h"
#include "rpc_session.h"

#include <unistd.h>

using namespace cr;

int cr_main(int argc, char **argv);

namespace
{

const char *word_for(cli::After after)
{
    switch (after) {
    case cli::After::Run:
        return "--resume";
    case cli::After::Stop:
        return "--stop";
    case cli::After::Kill:
        break;
    }
    return "--kill";
}

int dump(const cli::Parsed &parsed)
{
    auto options = cli::dump_options(parsed); // before any stage starts: what is wrong in it is said once
    if ((!options.action_scripts.empty() || options.notify_fd >= 0) && !options.dry_run) {
        image::Dir images = image::Dir::create(options.images_dir);
        tools::ActionScripts(options.action_scripts, images.fd(), options.notify_fd)
            .must("pre-dump", options.tree);
    }
    auto freeze = parsed.arguments_for(cli::tool("cr-freeze"));
    auto thaw = parsed.arguments_for(cli::tool("cr-thaw"));
    thaw.push_back(word_for(options.after));
    auto run = [&] {
        return tools::run_chain(freeze, {"cr-dump-ns", "cr-dump-mm", "cr-dump-net", "cr-dump-files"}, thaw);
    };
    int code = run();
    if (code != cli::kOvertaken)
        return code;
    log::warning("the snapshot was overtaken by the program: once more, with --freeze copy");
    freeze.insert(freeze.end(), {"--freeze", "copy"});
    return run();
}

// Memory only; the tree always runs on.
int pre_dump(const cli::Parsed &parsed)
{
    auto options = cli::dump_options(parsed);
    if (!options.action_scripts.empty() || options.notify_fd >= 0) {
        image::Dir images = image::Dir::create(options.images_dir);
        tools::ActionScripts(options.action_scripts, images.fd(), options.notify_fd)
            .must("pre-dump", options.tree);
    }
    auto freeze = parsed.arguments_for(cli::tool("cr-freeze"));
    freeze.insert(freeze.end(), {"--memory-only", "--leave-running", "--track-mem"});
    auto thaw = parsed.arguments_for(cli::tool("cr-thaw"));
    thaw.push_back("--resume");
    return tools::run_chain(freeze, {"cr-dump-mm"}, thaw);
}

int restore(const cli::Parsed &parsed)
{
    auto words = parsed.arguments_for(cli::tool("cr-restore"));
    words.push_back("--");
    words.insert(words.end(), parsed.operands.begin(), parsed.operands.end());
    return tools::call_main(words);
}

int cpuinfo(const cli::Parsed &parsed)
{
    auto words = parsed.arguments_for(cli::tool("cr-check-cpu"));
    std::string dir = cli::cpu_options(parsed).images_dir;
    if (parsed.operands.front() == "dump")
        words.emplace_back("--record");
    else if (!image::Dir::open(dir).has(image::Kind::Cpuinfo))
        failed_with(0, cat("compare the CPU: there is no cpuinfo.img in ", printable(dir)),
                    "cr cpuinfo dump, or a dump with --cpu-cap, writes it");
    return tools::call_main(words);
}

int command(const cli::Parsed &parsed)
{
    int code = cli::kFailed;
    switch (parsed.commands()) {
    case cli::kDump:
        code = dump(parsed);
        break;
    case cli::kPreDump:
        code = pre_dump(parsed);
        break;
    case cli::kDedup:
        image::free_superseded(image::Dir::open(cli::common_options(parsed).images_dir));
        code = cli::kOk;
        break;
    case cli::kService:
        code = tools::call_main(parsed.arguments_for(cli::tool("cr-service")));
        break;
    case cli::kSwrk:
        code = tools::serve(parse_int<int>(parsed.operands.front()).value(), tools::Served::Inherited);
        break;
    case cli::kCpuinfo:
        code = cpuinfo(parsed);
        break;
    case cli::kRestore:
        code = restore(parsed);
        break;
    case cli::kCheck:
        code = tools::call_main(parsed.arguments_for(cli::tool("cr-check")));
        break;
    }
    // CRIU has one code for its own failures; what an action script has ended with is passed on.
    return code == cli::kUsage || code == cli::kRefused || code == cli::kOvertaken ? cli::kFailed : code;
}

// `cr NAME ...` for a tool that is not linked into this one, cr-NAME in the same directory.
void become_neighbour(char **argv)
{
    auto self = sys::readlink_at(AT_FDCWD, "/proc/self/exe");
    std::string_view name = argv[1];
    if (!self || name.find('/') != name.npos)
        return;
    std::string path = cat(self->substr(0, self->rfind('/') + 1), "cr-", name);
    ::execv(path.c_str(), argv + 1);
}

bool is_criu_word(std::string_view word)
{
    for (const cli::Command &one : cli::criu_commands())
        if (one.word == word)
            return true;
    return false;
}

} // namespace

int cr_main(int argc, char **argv)
{
    std::string_view word = argc > 1 ? argv[1] : "";
    if (!word.empty() && !word.starts_with('-') && !is_criu_word(word)) {
        if (auto main = tools::main_of(cat("cr-", word)))
            return main(argc - 1, argv + 1);
        become_neighbour(argv);
    }
    return cli::run("cr", argc, argv, command);
}
