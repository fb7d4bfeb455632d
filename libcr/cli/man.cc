// mdoc(7) and shell completion out of the option table.
#include "libcr/cli/help.h"

#include "libcr/base/text.h"

#include <cctype>
#include <set>

namespace cr::cli
{

namespace
{

constexpr size_t kLongestSynopsis = 14; // options; a page with more says "options ..." instead

// Words of help as mdoc text: no macro call by accident, and dashes of options that can be copied.
std::string text_of(std::string_view text)
{
    std::string out;
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view word = take_until(rest, ' ');
        out += out.empty() ? "" : " ";
        bool dashed = word.find("--") != word.npos || word.starts_with('-') || word.find("'-'") != word.npos;
        for (char c : word)
            out += c == '\\'            ? std::string("\\e")
                   : dashed && c == '-' ? std::string("\\-")
                                        : std::string(1, c);
    }
    if (out.starts_with('.') || out.starts_with('\''))
        out = "\\&" + out;
    return out;
}

std::string flag(const Option &option)
{
    return cat("Fl -", option.arg == Arg::Bool ? "[no-]" : "", option.name);
}

// ".It Fl t , Fl -tree Ar PID"
std::string item(const Option &option)
{
    std::string line = ".It ";
    if (option.letter && option.arg == Arg::Optional)
        line += cat("Fl ", option.letter, " Ns Oo Ar ", option.value, " Oc , ");
    else if (option.letter)
        line += cat("Fl ", option.letter, " , ");
    line += flag(option);
    if (option.arg == Arg::Value)
        line += cat(" Ar ", option.value);
    if (option.arg == Arg::Optional)
        line += cat(" Ns Oo = Ns Ar ", option.value, " Oc");
    return line + "\n";
}

std::string synopsis_of(const Option &option)
{
    std::string line = option.letter ? cat(".Op Fl ", option.letter) : cat(".Op ", flag(option));
    if (option.arg == Arg::Value)
        line += cat(" Ar ", option.value);
    if (option.arg == Arg::Optional)
        line += cat(" Ns Ar ", option.value);
    return line + "\n";
}

size_t count_of(uint32_t commands)
{
    size_t count = 0;
    for (const Option &option : options())
        count += (option.commands & commands) != 0;
    return count;
}

std::string paragraph(const Option &option)
{
    std::string sentence = text_of(cat(option.help, "."));
    sentence.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence.front())));
    std::string out = item(option) + sentence + "\n";
    if (option.repeats && option.arg == Arg::Value)
        out += "May be given several times.\n";
    if (option.status == Status::NoEffect)
        out += cat("Accepted, without effect: ", text_of(option.note), ".\n");
    if (option.status == Status::NotYet)
        out += cat("Not supported yet: it needs ", text_of(option.note), ".\n");
    return out;
}

void add_words(std::set<std::string> &words, uint32_t commands)
{
    for (const Option &option : options()) {
        if (!(option.commands & commands))
            continue;
        words.insert(cat("--", option.name));
        if (option.arg == Arg::Bool)
            words.insert(cat("--no-", option.name));
    }
}

std::string joined(const std::set<std::string> &words)
{
    std::string out;
    for (const std::string &word : words)
        out += cat(out.empty() ? "" : " ", word);
    return out;
}

// Options whose value is a file or a directory, for completion.
std::string options_with_path()
{
    std::set<std::string> found;
    for (const Option &option : options()) {
        std::string_view value = option.arg == Arg::Value ? option.value : "";
        if (value != "DIR" && value != "FILE" && value != "PATH")
            continue;
        found.insert(cat("--", option.name));
        if (option.letter)
            found.insert(cat("-", option.letter));
    }
    std::string out;
    for (const std::string &word : found)
        out += cat(out.empty() ? "" : "|", word);
    return out;
}

} // namespace

std::string man_synopsis(const Tool &tool)
{
    std::string options_text;
    if (count_of(tool.commands) > kLongestSynopsis)
        options_text = ".Op Ar option ...\n";
    else
        for (const Option &option : options())
            if (option.commands & tool.commands)
                options_text += synopsis_of(option);
    if (tool.criu)
        return cat(".Nm\n.Ar command\n", options_text);
    return cat(".Nm\n", options_text);
}

std::string man_options(const Tool &tool)
{
    std::string out;
    for (Group group : groups()) {
        std::string items;
        for (const Option &option : options())
            if ((option.commands & tool.commands) && option.group == group)
                items += paragraph(option);
        if (!items.empty())
            out += cat(".Ss ", title(group), "\n.Bl -tag -width Ds\n", items, ".El\n");
    }
    return out;
}

std::string completion_script()
{
    std::string names, cases;
    std::set<std::string> words_of_cr;
    for (const Command &command : criu_commands()) {
        std::set<std::string> words;
        add_words(words, command.bit);
        words_of_cr.insert(command.word);
        cases += cat("        cr:", command.word, ") words=\"", joined(words), "\" ;;\n");
    }
    for (const Tool &tool : tools()) {
        names += cat(" ", tool.name);
        std::set<std::string> words;
        add_words(words, tool.commands);
        if (tool.criu)
            continue;
        std::string_view short_name = std::string_view(tool.name).substr(3);
        words_of_cr.insert(std::string(short_name));
        cases += cat("        ", tool.name, ":*|cr:", short_name, ") words=\"", joined(words), "\" ;;\n");
    }
    return cat(
        "# bash completion for cr and its tools, made from their option table\n"
        "_cr()\n{\n"
        "    local current=$2 previous=$3 command= word words\n"
        "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
        "        [[ $word == -* ]] || { command=$word; break; }\n"
        "    done\n"
        "    case $previous in\n        ",
        options_with_path(),
        ")\n"
        "            COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n    esac\n"
        "    case ${COMP_WORDS[0]##*/}:$command in\n",
        cases, "        *) words=\"", joined(words_of_cr),
        " --help --version\" ;;\n    esac\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
        "    [[ $current == -* || ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"$current\"))\n"
        "}\ncomplete -o filenames -F _cr",
        names, "\n");
}

} // namespace cr::cli
