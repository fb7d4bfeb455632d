#include "libcr/cli/grammar.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <catch2/catch.hpp>
#include <deque>
#include <getopt.h>
#include <random>

using namespace cr;
using namespace cr::cli;

namespace
{

std::vector<std::string> split(std::string_view line)
{
    std::vector<std::string> words;
    while (!(line = trim(line)).empty())
        words.emplace_back(take_word(line));
    return words;
}

Parsed parse(std::string_view line) { return parse_words(tool("cr"), split(line)); }

// One line per option as given, then the operands: what two parsers are compared by.
std::string shape(const Parsed &parsed)
{
    std::string text;
    for (const Given &one : parsed.given)
        text += cat(one.negated ? "no-" : "", one.option->name, one.value ? "=" + *one.value : "", " ");
    for (const std::string &operand : parsed.operands)
        text += cat("<", operand, ">");
    return text;
}

// getopt_long over the same table. Nothing where it finds an error.
class Libc
{
  public:
    explicit Libc(const Tool &tool)
    {
        for (const Option &option : options()) {
            if (!(option.commands & tool.commands) || option.ours)
                continue;
            int kind = option.arg == Arg::Value      ? required_argument
                       : option.arg == Arg::Optional ? optional_argument
                                                     : no_argument;
            add(option, option.name, kind, false);
            if (option.arg == Arg::Bool)
                add(option, names_.emplace_back(cat("no-", option.name)), kind, true);
            if (option.letter)
                letters_ += option.letter + std::string(kind, ':');
        }
        long_.push_back({});
    }

    std::optional<std::string> shape_of(const std::vector<std::string> &words)
    {
        std::vector<char *> argv{const_cast<char *>("cr")};
        for (const std::string &word : words)
            argv.push_back(const_cast<char *>(word.c_str()));
        argv.push_back(nullptr);
        optind = 0;
        opterr = 0;
        std::string text;
        int count = static_cast<int>(argv.size()) - 1;
        for (int c; (c = getopt_long(count, argv.data(), letters_.c_str(), long_.data(), nullptr)) != -1;) {
            if (c == '?')
                return std::nullopt;
            const auto &[option, negated] =
                c >= 1000 ? meaning_[static_cast<size_t>(c) - 1000] : by_letter(c);
            text += cat(negated ? "no-" : "", option->name, optarg ? cat("=", optarg) : "", " ");
        }
        for (int i = optind; i < count; i++)
            text += cat("<", argv[static_cast<size_t>(i)], ">");
        return text;
    }

  private:
    void add(const Option &option, std::string_view name, int kind, bool negated)
    {
        long_.push_back({name.data(), kind, nullptr, static_cast<int>(1000 + meaning_.size())});
        meaning_.emplace_back(&option, negated);
    }
    std::pair<const Option *, bool> by_letter(int c)
    {
        for (const auto &[option, negated] : meaning_)
            if (option->letter == c)
                return {option, false};
        throw std::logic_error("a letter without an option");
    }

    std::string letters_;
    std::deque<std::string> names_;
    std::vector<option> long_;
    std::vector<std::pair<const Option *, bool>> meaning_;
};

// Words that look like what people and scripts write, and like their mistakes.
std::string random_word(std::mt19937 &random)
{
    auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
    const Option &option = options()[below(options().size())];
    if (option.ours)
        return "dump";
    std::string letter(1, option.letter ? option.letter : 'v');
    std::string name = cat(option.arg == Arg::Bool && below(2) ? "no-" : "", option.name);
    // A beginning of CRIU's name that is the whole name of an option of ours means that one: not libc's
    // business.
    std::string cut = name.substr(0, 1 + below(name.size()));
    for (const Option &other : options())
        if (other.ours && other.name == cut)
            cut = name;
    switch (below(11)) {
    case 0:
        return "-" + letter;
    case 1:
        return cat("-", letter, below(2) ? "4" : "vv");
    case 2:
        return cat("-", letter, "sRt");
    case 3:
        return "--" + name;
    case 4:
        return "--" + cut;
    case 5:
        return "--" + cut + "=x";
    case 6:
        return below(6) ? "-v" : "--";
    case 7:
        return "-";
    case 8:
        return "--" + name + "=";
    case 9:
        return "restore";
    default:
        return "12";
    }
}

} // namespace

TEST_CASE("the grammar is getopt_long's, on random command lines")
{
    Libc libc(tool("cr"));
    std::mt19937 random(4711);
    int accepted = 0;
    for (int round = 0; round < 20000; round++) {
        std::vector<std::string> words;
        for (int count = 1 + round % 6; count; count--)
            words.push_back(random_word(random));
        auto expected = libc.shape_of(words);
        std::optional<std::string> ours;
        try {
            ours = shape(parse_words(tool("cr"), words));
        } catch (const Error &) {
        }
        std::string line;
        for (const auto &word : words)
            line += word + " ";
        INFO(line);
        REQUIRE(ours == expected);
        accepted += expected.has_value();
    }
    REQUIRE(accepted > 4000);
}

TEST_CASE("the command lines that CRIU's users write")
{
    CHECK(shape(parse("dump -t 12 -D img -j -v4 -o dump.log")) ==
          "tree=12 images-dir=img shell-job verbosity=4 log-file=dump.log <dump>");
    CHECK(shape(parse("-D img dump --tree=12 --shell-job")) == "images-dir=img tree=12 shell-job <dump>");
    CHECK(shape(parse("restore -d -D img -vvv -v")) ==
          "restore-detached images-dir=img verbosity=vv verbosity <restore>");
    CHECK(shape(parse("dump -verbosity=0")) == "verbosity=erbosity=0 <dump>");
    CHECK(shape(parse("dump -djt12")) == "restore-detached shell-job tree=12 <dump>");
    CHECK(shape(parse("dump --tcp-established --no-tcp-established")) ==
          "tcp-established no-tcp-established <dump>");
    CHECK(shape(parse("dump -x 5")) == "ext-unix-sk <dump><5>");
    CHECK(shape(parse("dump -x5,6 --ext-unix-sk=7")) == "ext-unix-sk=5,6 ext-unix-sk=7 <dump>");
    CHECK(shape(parse("restore --exec-cmd -- ls -l --tree")) == "exec-cmd <restore><ls><-l><--tree>");
    CHECK(shape(parse("dump -t --shell-job")) == "tree=--shell-job <dump>");
    CHECK(shape(parse("dump --leave-r")) == "leave-running <dump>");
    CHECK(shape(parse("swrk 3")) == "<swrk><3>");
}

TEST_CASE("options of our own are matched by their whole name only")
{
    CHECK(shape(parse("dump --json --dry-run")) == "json dry-run <dump>");
    CHECK(shape(parse("restore --j net:5")) == "join-ns=net:5 <restore>");
    CHECK_THROWS_WITH(parse("dump --dry"), Catch::Contains("there is no option --dry"));
}

TEST_CASE("mistakes get a sentence")
{
    CHECK_THROWS_WITH(parse("dump --nonsense"), "there is no option --nonsense; see cr --help");
    CHECK_THROWS_WITH(parse("dump -q"), "there is no option -q; see cr --help");
    CHECK_THROWS_WITH(parse("dump -t"), "-t needs a value; see cr --help");
    CHECK_THROWS_WITH(parse("dump --tree"), "--tree needs a value; see cr --help");
    CHECK_THROWS_WITH(parse("dump --shell-job=1"), "--shell-job takes no value");
    CHECK_THROWS_WITH(parse("dump --tcp"), "--tcp could be --tcp-established, --tcp-close");
    CHECK_THROWS_WITH(parse_words(tool("cr-thaw"), {"--tree", "5"}),
                      "there is no option --tree; see cr-thaw --help");
}
