// cr-check: tells what this kernel can do for checkpoints and restores, by trying.
#include "libcr/base/error.h"
#include "libcr/base/json.h"
#include "libcr/base/text.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/feature/probes.h"

#include <cstdio>

using namespace cr;
using feature::Need;
using feature::Probe;

namespace
{

struct Found {
    const Probe *probe;
    long result;
};

std::vector<const Probe *> chosen(const cli::CheckOptions &options)
{
    std::vector<const Probe *> all;
    for (const std::string &name : options.features) {
        const Probe *probe = feature::find_probe(name);
        if (!probe)
            usage(cat("there is no feature '", printable(name), "'"), "--feature list shows the names");
        all.push_back(probe);
    }
    if (options.features.empty())
        for (const Probe &probe : feature::probes())
            if (probe.need == Need::Always || options.extra || options.experimental)
                all.push_back(&probe);
    return all;
}

void print_names()
{
    std::string line;
    for (const Probe &probe : feature::probes())
        line += cat(line.empty() ? "" : " ", probe.name);
    std::puts(line.c_str());
}

void print_json(const std::vector<Found> &all)
{
    std::string out;
    for (const Found &one : all)
        out += cat(out.empty() ? "[" : ",\n ", "{\"name\":", json_quoted(one.probe->name),
                   ",\"there\":", one.result == 0 ? "true" : "false", ",\"errno\":", -one.result,
                   ",\"needed\":", one.probe->need == Need::Always ? "\"always\"" : "\"sometimes\"",
                   ",\"use\":", json_quoted(one.probe->use), "}");
    std::puts((out + "]").c_str());
}

void print_text(const std::vector<Found> &all, bool by_name)
{
    bool must = false, may = false;
    for (const Found &one : all) {
        if (one.result)
            std::printf("%s is missing: %s; it is needed to %s\n", one.probe->name,
                        errno_text(static_cast<int>(-one.result)).c_str(), one.probe->use);
        else if (by_name)
            std::printf("%s is supported\n", one.probe->name);
        must |= one.result && one.probe->need == Need::Always;
        may |= one.result && one.probe->need == Need::Sometimes;
    }
    if (!by_name)
        std::puts(must  ? "Does not look good."
                  : may ? "Looks good but some kernel features are missing\n"
                          "which, depending on your process tree, may cause\ndump or restore failure."
                        : "Looks good.");
}

int check(const cli::CheckOptions &options)
{
    if (options.features == std::vector<std::string>{"list"}) {
        print_names();
        return cli::kOk;
    }
    std::vector<Found> all;
    feature::Sample sample;
    for (const Probe *probe : chosen(options))
        all.push_back({probe, probe->run(sample)});
    if (options.json)
        print_json(all);
    else
        print_text(all, !options.features.empty());
    for (const Found &one : all)
        if (one.result && (one.probe->need == Need::Always || !options.features.empty()))
            return cli::kFailed;
    return cli::kOk;
}

} // namespace

int cr_check_main(int argc, char **argv);
int cr_check_main(int argc, char **argv)
{
    return cli::run("cr-check", argc, argv,
                    [](const cli::Parsed &parsed) { return check(cli::check_options(parsed)); });
}
