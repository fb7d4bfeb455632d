#include "libcr/cli/grammar.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <CLI/Split.hpp>

namespace cr::cli
{

namespace
{

struct Match {
    const Option *option;
    bool negated;
};

bool takes(const Tool &tool, const Option &option) { return option.commands & tool.commands; }

bool fits(std::string_view full, std::string_view typed, bool exactly)
{
    return exactly ? full == typed : full.starts_with(typed);
}

// Every option whose name, or --no- twin, begins with (or is) what was typed.
std::vector<Match> matches(const Tool &tool, std::string_view typed, bool exactly)
{
    std::vector<Match> found;
    for (const Option &option : options()) {
        if (!takes(tool, option) || (option.ours && !exactly))
            continue;
        if (fits(option.name, typed, exactly))
            found.push_back({&option, false});
        if (option.arg == Arg::Bool && fits(cat("no-", option.name), typed, exactly))
            found.push_back({&option, true});
    }
    return found;
}

[[noreturn]] void ambiguous(std::string_view typed, const std::vector<Match> &candidates)
{
    std::string names;
    for (const Match &one : candidates)
        names += cat(names.empty() ? "" : ", ", one.negated ? "--no-" : "--", one.option->name);
    usage(cat("--", printable(typed), " could be ", names));
}

Match find_long(const Tool &tool, std::string_view typed)
{
    auto exact = matches(tool, typed, true);
    if (!exact.empty())
        return exact.front();
    auto close = matches(tool, typed, false);
    if (close.empty())
        usage(cat("there is no option --", printable(typed)), cat("see ", tool.name, " --help"));
    if (close.size() > 1)
        ambiguous(typed, close);
    return close.front();
}

const Option &find_letter(const Tool &tool, char letter)
{
    for (const Option &option : options())
        if (option.letter == letter && takes(tool, option))
            return option;
    usage(cat("there is no option -", printable(std::string(1, letter))), cat("see ", tool.name, " --help"));
}

bool is_plain(const Option &option) { return option.arg == Arg::Flag || option.arg == Arg::Bool; }

class Reader
{
  public:
    Reader(const Tool &tool, const std::vector<std::string> &words) : words_(words) { parsed_.tool = &tool; }

    Parsed read()
    {
        while (next_ < words_.size()) {
            const std::string &word = words_[next_++];
            if (word == "--")
                break;
            if (word.starts_with("--"))
                long_option(word);
            else if (word.starts_with("-") && word.size() > 1)
                letters(std::string_view(word).substr(1));
            else
                parsed_.operands.emplace_back(word);
        }
        parsed_.operands.insert(parsed_.operands.end(), words_.begin() + static_cast<ptrdiff_t>(next_),
                                words_.end());
        return std::move(parsed_);
    }

  private:
    void long_option(const std::string &word)
    {
        std::string name, attached;
        if (!CLI::detail::split_long(word, name, attached))
            name = word.substr(2); // of no option
        std::optional<std::string> value;
        if (2 + name.size() < word.size()) // even when it is empty
            value = attached;
        else if (find_long(*parsed_.tool, name).option->arg == Arg::Value)
            value = following(cat("--", name));
        parsed_.given.push_back(parse_long(*parsed_.tool, name, value));
    }

    void letters(std::string_view word)
    {
        while (!word.empty()) {
            const Option &option = find_letter(*parsed_.tool, word.front());
            word.remove_prefix(1);
            Given given{&option, false, std::nullopt};
            if (!is_plain(option)) {
                if (!word.empty())
                    given.value = word;
                else if (option.arg == Arg::Value)
                    given.value = following(cat("-", option.letter));
                word = {};
            }
            parsed_.given.push_back(std::move(given));
        }
    }

    std::string following(const std::string &spelled)
    {
        if (next_ == words_.size())
            usage(cat(spelled, " needs a value"), cat("see ", parsed_.tool->name, " --help"));
        return words_[next_++];
    }

    const std::vector<std::string> &words_;
    size_t next_ = 0;
    Parsed parsed_;
};

} // namespace

Given parse_long(const Tool &tool, const std::string &name, const std::optional<std::string> &value)
{
    Match match = find_long(tool, name);
    const Option &option = *match.option;
    if (is_plain(option) && value)
        usage(cat("--", match.negated ? "no-" : "", option.name, " takes no value"));
    if (option.arg == Arg::Value && !value)
        usage(cat("--", option.name, " needs a value"));
    return {&option, match.negated, value};
}

Parsed parse_words(const Tool &tool, const std::vector<std::string> &words)
{
    return Reader(tool, words).read();
}

} // namespace cr::cli
