// cr-show: looks into image directories and files; touches nothing else.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/image/dir.h"
#include "libcr/show/explore.h"
#include "libcr/show/show.h"

#include <cstdio>

using namespace cr;

namespace
{

void print(std::string_view text)
{
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
        failed("write to stdout");
}

show::Style style_of(const cli::Parsed &parsed, const cli::ShowOptions &options)
{
    if (parsed.on("text"))
        return show::Style::Text;
    return options.json ? show::Style::Plain : show::Style::Symbolic;
}

// `x DIR WHAT` is crit's way of saying `-D DIR WHAT`.
void spell_out_crit(cli::ShowOptions &options)
{
    if (options.args.size() != 3 || options.args[0] != "x")
        return;
    options.images_dir = options.args[1];
    options.args = {options.args[2]};
}

void show_files(const cli::ShowOptions &options, show::Style style)
{
    show::Messages messages;
    for (const std::string &file : options.args) {
        bool inside = options.images_dir != "." && !file.starts_with('/');
        show::show_file(messages, inside ? options.images_dir + "/" + file : file, style, print);
    }
}

int show_overview(const cli::ShowOptions &options)
{
    auto dir = image::Dir::open(options.images_dir);
    return show::overview(dir, options.json ? show::Style::Plain : show::Style::Text, print) ? cli::kOk
                                                                                             : cli::kFailed;
}

void show_view(const cli::ShowOptions &options)
{
    if (options.json)
        usage(cat(options.args[0], " is for people, and not to be had as JSON"),
              "the tree, sizes and counts are in that of the directory as a whole: leave the word out");
    show::explore(image::Dir::open(options.images_dir), options.args[0], print);
}

} // namespace

int cr_show_main(int argc, char **argv)
{
    return cli::run("cr-show", argc, argv, [](const cli::Parsed &parsed) {
        auto options = cli::show_options(parsed);
        spell_out_crit(options);
        int code = cli::kOk;
        if (options.args.empty())
            code = show_overview(options);
        else if (options.args.size() == 1 && show::is_view(options.args[0]))
            show_view(options);
        else
            show_files(options, style_of(parsed, options));
        if (std::fflush(stdout))
            failed("write to stdout");
        return code;
    });
}
