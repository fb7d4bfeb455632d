#include "libcr/cli/parsed.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <algorithm>
#include <stdexcept>

namespace cr::cli
{

namespace
{
// A tool asking for an option that no row has is a mistake in the tool, not of its user.
void require_known(std::string_view name)
{
    for (const Option &option : options())
        if (option.name == name)
            return;
    throw std::logic_error(cat("no option is called ", name));
}
} // namespace

const Given *Parsed::last(std::string_view name) const
{
    require_known(name);
    for (auto it = given.rbegin(); it != given.rend(); ++it)
        if (it->option->name == name)
            return &*it;
    return nullptr;
}

bool Parsed::on(std::string_view name, bool otherwise) const
{
    const Given *found = last(name);
    return found ? !found->negated : otherwise;
}

std::optional<std::string> Parsed::value(std::string_view name) const
{
    const Given *found = last(name);
    return found ? found->value : std::nullopt;
}

std::vector<std::string> Parsed::values(std::string_view name) const
{
    require_known(name);
    std::vector<std::string> all;
    for (const Given &one : given)
        if (one.option->name == name && one.value)
            all.push_back(*one.value);
    return all;
}

int64_t Parsed::number(std::string_view name, int64_t otherwise, int64_t low, int64_t high) const
{
    auto text = value(name);
    if (!text)
        return otherwise;
    auto parsed = parse_int<int64_t>(*text);
    if (!parsed || *parsed < low || *parsed > high)
        usage(cat("--", name, " takes a number from ", low, " to ", high, ", not '", printable(*text), "'"));
    return *parsed;
}

std::string Parsed::word(std::string_view name, std::string otherwise, std::string_view allowed) const
{
    auto text = value(name);
    if (!text)
        return otherwise;
    for (std::string_view rest = allowed; !rest.empty();)
        if (take_until(rest, ',') == *text)
            return *text;
    usage(cat("--", name, " does not know '", printable(*text), "'"), cat("it takes one of ", allowed));
}

std::vector<std::string> Parsed::arguments_for(const Tool &other) const
{
    std::vector<std::string> arguments{other.name};
    for (const Given &one : given) {
        // By name: tools may have rows of their own for an option that means the same.
        bool takes = std::any_of(options().begin(), options().end(), [&](const Option &option) {
            return std::string_view(option.name) == one.option->name && (option.commands & other.commands);
        });
        if (!takes)
            continue;
        std::string word = cat(one.negated ? "--no-" : "--", one.option->name);
        if (one.value)
            word += cat("=", *one.value);
        arguments.push_back(std::move(word));
    }
    return arguments;
}

} // namespace cr::cli
