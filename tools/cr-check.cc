// cr-check: what this kernel can do, and what a dump or a restore misses where it cannot. Messages and codes
// are those of `criu check`; the table above them is ours.
#include "libcr/base/error.h"
#include "libcr/base/json.h"
#include "libcr/base/text.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/feature/features.h"
#include "libcr/files/survey.h"

#include <cstdio>
#include <cstring>

using namespace cr;
using feature::Feature;
using feature::Features;
using feature::For;
using feature::Verdict;

namespace
{

const char *heading(For who)
{
    switch (who) {
    case For::EveryTree:
        return "for every tree";
    case For::SomeTrees:
        return "for some trees";
    case For::Experimental:
        return "experimental";
    case For::Information:
        break;
    }
    return "good to know";
}

bool asked_for(const Feature &one, const cli::CheckOptions &options)
{
    switch (one.who) {
    case For::EveryTree:
        return true;
    case For::Experimental:
        return options.experimental;
    case For::SomeTrees:
    case For::Information:
        break;
    }
    return options.extra;
}

std::string row(const Feature &one, const Features &features)
{
    size_t width = strlen(one.name);
    std::string line = cat("  ", one.name, std::string(width < 25 ? 25 - width : 1, ' '));
    int err = features.why_not(one.id);
    if (!err)
        return cat(line, "yes\n");
    return cat(line, "no   ", errno_text(err), "; without it, ", one.without,
               one.used ? "" : " (later: not built yet)", "\n");
}

std::string table(const Features &features, const cli::CheckOptions &options)
{
    std::string out;
    const char *last = nullptr;
    for (const Feature &one : feature::all_features()) {
        if (!asked_for(one, options))
            continue;
        if (heading(one.who) != last)
            out += cat(last = heading(one.who), ":\n");
        out += row(one, features);
    }
    return out;
}

std::string sentence(Verdict verdict)
{
    switch (verdict) {
    case Verdict::Good:
        return "Looks good.\n";
    case Verdict::SomeMissing:
        return "Looks good but some kernel features are missing\nwhich, depending on your process tree, may "
               "cause\n"
               "dump or restore failure.\n";
    case Verdict::Bad:
        break;
    }
    return "Does not look good.\n";
}

std::string json(const Features &features, const cli::CheckOptions &options, Verdict verdict)
{
    std::string out;
    for (const Feature &one : feature::all_features()) {
        if (!asked_for(one, options))
            continue;
        int err = features.why_not(one.id);
        out += cat(out.empty() ? "" : ",", "\n{\"name\":", json_quoted(one.name),
                   ",\"there\":", err ? "false" : "true", ",\"for\":", json_quoted(heading(one.who)),
                   ",\"errno\":", err, ",\"without\":", json_quoted(one.without),
                   ",\"used\":", one.used ? "true" : "false", "}");
    }
    return cat("{\"good\":", verdict == Verdict::Good ? "true" : "false", ",\"features\":[", out, "]}\n");
}

int check_everything(const Features &features, const cli::CheckOptions &options)
{
    Verdict verdict = feature::judge(features, options.extra, options.experimental);
    std::string text =
        options.json ? json(features, options, verdict) : cat(table(features, options), sentence(verdict));
    fwrite(text.data(), 1, text.size(), stdout);
    return verdict == Verdict::Good ? cli::kOk : cli::kFailed;
}

int describe_descriptors(bool json)
{
    std::string out;
    for (const files::SurveyRow &row : files::survey()) {
        if (json) {
            out += cat(out.empty() ? "" : ",", "\n{\"name\":", json_quoted(row.name),
                       ",\"kept\":", json_quoted(row.kept), ",\"lost\":", json_quoted(row.lost),
                       ",\"refused\":", json_quoted(row.refused), "}");
            continue;
        }
        size_t width = row.name.size();
        out += cat("  ", row.name, std::string(width < 33 ? 33 - width : 1, ' '));
        out += row.refused.empty() ? cat("kept: ", row.kept) : cat("refused: ", row.refused);
        out += row.lost.empty() ? "\n" : cat("; lost: ", row.lost, "\n");
    }
    if (json)
        out = cat("{\"descriptors\":[", out, "]}\n");
    fwrite(out.data(), 1, out.size(), stdout);
    return cli::kOk;
}

void list_names()
{
    std::string names;
    for (const Feature &one : feature::all_features())
        names += cat(names.empty() ? "" : " ", one.name);
    printf("%s\n", names.c_str());
}

// One after the other, all of them told; those that nobody knows are a mistake of the caller's.
int check_named(const Features &features, const std::vector<std::string> &names)
{
    for (const std::string &name : names)
        if (name != "list" && !feature::feature_named(name))
            usage(cat("there is no feature '", printable(name), "'"), "--feature list shows the names");
    int code = cli::kOk;
    for (const std::string &name : names) {
        if (name == "list") {
            list_names();
            continue;
        }
        bool there = features.has(feature::feature_named(name)->id);
        printf("%s is %ssupported\n", name.c_str(), there ? "" : "not ");
        code = there ? code : cli::kFailed;
    }
    return code;
}

int check(const cli::CheckOptions &options)
{
    Features features;
    int code = options.descriptors        ? describe_descriptors(options.json)
               : options.features.empty() ? check_everything(features, options)
                                          : check_named(features, options.features);
    if (fflush(stdout))
        failed("write to stdout");
    return code;
}

} // namespace

int cr_check_main(int argc, char **argv);
int cr_check_main(int argc, char **argv)
{
    return cli::run("cr-check", argc, argv,
                    [](const cli::Parsed &parsed) { return check(cli::check_options(parsed)); });
}
