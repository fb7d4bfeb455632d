// A configuration file, and the same text as the words of a command line, one in each line.
#include "libcr/base/text.h"
#include "libcr/cli/config_file.h"
#include "libcr/cli/grammar.h"
#include "libcr/cli/options.h"
#include "libcr/cli/rules.h"
#include "tests/fuzz/target.h"

using namespace cr;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    std::string_view text = fuzz::text_of(data, size);
    fuzz::tolerate([&] { cli::parse_config(cli::tool("cr"), text, "fuzz"); });
    std::vector<std::string> words;
    while (!text.empty())
        words.emplace_back(take_until(text, '\n'));
    fuzz::tolerate([&] {
        cli::Parsed parsed = cli::parse_words(cli::tool("cr"), words);
        cli::choose_command(parsed);
        cli::check_rules(parsed);
        fuzz::tolerate([&] { cli::dump_options(parsed); });
        fuzz::tolerate([&] { cli::restore_options(parsed); });
        fuzz::tolerate([&] { cli::check_options(parsed); });
        fuzz::tolerate([&] { cli::service_options(parsed); });
    });
    return 0;
}
