#include "libcr/cli/help.h"

#include "libcr/base/text.h"

#include <vector>

namespace cr::cli
{

namespace
{

constexpr size_t kWidth = 79;
constexpr size_t kIndent = 26;

// Appends `text` in words, indented, broken at the width; the first line begins at `column`.
void wrap(std::string &out, std::string_view text, size_t column, size_t indent)
{
    if (column + 1 > indent) {
        out += '\n';
        column = 0;
    }
    out.append(indent - column, ' ');
    column = indent;
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view word = take_until(rest, ' ');
        if (column > indent && column + 1 + word.size() > kWidth) {
            out += '\n';
            out.append(indent, ' ');
            column = indent;
        } else if (column > indent) {
            out += ' ';
            column++;
        }
        out += word;
        column += word.size();
    }
    out += '\n';
}

// What the user must know beyond the sentence of help.
std::string remark(const Option &option)
{
    if (option.status == Status::NoEffect)
        return cat(" (accepted, no effect: ", option.note, ")");
    if (option.status == Status::NotYet)
        return cat(" (not supported yet: needs ", option.note, ")");
    return "";
}

std::vector<const Option *> options_of(uint32_t commands, Group group)
{
    std::vector<const Option *> chosen;
    for (const Option &option : options())
        if ((option.commands & commands) && option.group == group)
            chosen.push_back(&option);
    return chosen;
}

std::string usage_line(const Tool &tool, const Command *command)
{
    std::string line = tool.usage;
    if (command)
        line.replace(line.find("COMMAND"), 7,
                     command->operand ? cat(command->word, " ", command->operand)
                                      : std::string(command->word));
    if (command && command->bit == kRestore)
        line += " [--exec-cmd -- CMD ARG ...]";
    line.replace(line.find("%OPTIONS"), 8, "[OPTION ...]");
    return cat(tool.name, " ", line);
}

void describe(std::string &out, const Option &option)
{
    std::string left = cat(option.letter ? "  " : "      ", spelling(option));
    out += left;
    wrap(out, cat(option.help, remark(option)), left.size(), kIndent);
}

} // namespace

const char *title(Group group)
{
    switch (group) {
    case Group::Common:
        return "Common";
    case Group::Tree:
        return "Tree and processes";
    case Group::Memory:
        return "Memory";
    case Group::Files:
        return "Files";
    case Group::Network:
        return "Network";
    case Group::Mounts:
        return "Mounts";
    case Group::Check:
        return "Checks";
    case Group::Help:
        return "Help";
    }
    return "";
}

std::span<const Group> groups()
{
    static constexpr Group kGroups[] = {Group::Common,  Group::Tree,   Group::Memory, Group::Files,
                                        Group::Network, Group::Mounts, Group::Check,  Group::Help};
    return kGroups;
}

std::string spelling(const Option &option)
{
    std::string text;
    if (option.letter) {
        text = cat('-', option.letter);
        if (option.arg == Arg::Optional)
            text += cat("[", option.value, "]");
        text += ", ";
    }
    text += cat(option.arg == Arg::Bool ? "--[no-]" : "--", option.name);
    if (option.arg == Arg::Value)
        text += cat(" ", option.value);
    if (option.arg == Arg::Optional)
        text += cat("[=", option.value, "]");
    return text;
}

std::string help_text(const Tool &tool, const Command *command)
{
    std::string out = cat("Usage: ", usage_line(tool, command), "\n\n");
    out += cat(tool.name, command ? cat(" ", command->word) : "", ": ",
               command ? command->summary : tool.summary, "\n");
    if (tool.criu && !command) {
        out += "\nCommands:\n";
        for (const Command &one : criu_commands()) {
            std::string left = cat("  ", one.word);
            out += left;
            wrap(out, cat(one.summary, one.status == Status::NotYet ? " (not supported yet)" : ""),
                 left.size(), kIndent);
        }
        for (const Tool &one : tools()) {
            if (one.criu)
                continue;
            std::string left = cat("  ", std::string_view(one.name).substr(3));
            out += left;
            wrap(out, cat(one.summary, "; the tool ", one.name), left.size(), kIndent);
        }
    }
    for (Group group : groups()) {
        auto chosen = options_of(command ? command->bit : tool.commands, group);
        if (chosen.empty())
            continue;
        out += cat("\n", title(group), ":\n");
        for (const Option *option : chosen)
            describe(out, *option);
    }
    out += cat("\nSee man ", tool.name, "(1).\n");
    return out;
}

} // namespace cr::cli
