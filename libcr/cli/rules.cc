#include "libcr/cli/rules.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"

#include <algorithm>

namespace cr::cli
{

namespace
{

bool is_overruled(const Parsed &parsed, const Given &given)
{
    if (given.option->repeats)
        return false;
    auto same = [&](const Given &other) { return other.option == given.option; };
    return &*std::find_if(parsed.given.rbegin(), parsed.given.rend(), same) != &given;
}

void refuse_not_yet(const Parsed &parsed)
{
    for (const Given &given : parsed.given) {
        const Option &option = *given.option;
        if (option.status != Status::NotYet || !(option.commands & parsed.commands()))
            continue;
        if (!given.negated && !is_overruled(parsed, given))
            refused(cat("--", option.name, " is not supported yet: it needs ", option.note),
                    "leave it out if the result may differ");
    }
}

// Resources that are no descriptors belong to namespaces of the tree.
void check_external(const Parsed &parsed)
{
    for (const std::string &text : parsed.values("external")) {
        std::string_view rest = text, type = take_until(rest, '[');
        for (const char *later : {"mnt", "dev", "net", "pid", "veth", "macvlan", "netdev"})
            if (type == later)
                refused(cat("--external ", printable(text), " is not supported yet: it needs namespaces of the tree's own"),
                        "leave it out if the tree is not in a container");
        if (type != "file" && type != "tty" && type != "pipe" && type != "unix" && type != "socket")
            log::warning("--external ", printable(text), ": nothing here is called by that");
    }
}

void check_restore(const Parsed &parsed)
{
    bool exec = parsed.on("exec-cmd");
    if (exec && parsed.operands.empty())
        usage("--exec-cmd needs a command", "write it after '--', at the end");
    if (!exec && !parsed.operands.empty())
        usage(cat("what is '", printable(parsed.operands[0]), "' for?"),
              "a command to become needs --exec-cmd");
    if (exec && parsed.on("restore-detached"))
        usage("--exec-cmd and --restore-detached exclude each other");
    if (parsed.on("orphan-pts-master") && !parsed.has("notify-fd"))
        usage("--orphan-pts-master needs --notify-fd: the new master of a terminal goes through that socket");
    if (parsed.on("restore-sibling") && !parsed.on("restore-detached"))
        usage("--restore-sibling needs --restore-detached");
    if (parsed.has("tree"))
        log::warning("--tree does nothing for a restore: the images say which pids come back");
    for (const std::string &ns : parsed.values("join-ns"))
        for (const std::string &empty : parsed.values("empty-ns"))
            if (ns.starts_with(empty + ":"))
                usage(cat("--join-ns ", printable(ns), " and --empty-ns ", empty, " exclude each other"));
}

// The word that must follow some commands.
void check_operand(const Parsed &parsed)
{
    const Command &command = *parsed.command;
    bool number = command.operand == std::string_view("FD");
    std::string wanted = number ? "the number of a descriptor" : cat("one of ", command.operand);
    if (parsed.operands.size() != 1)
        usage(cat(command.word, " needs ", wanted, " after it"));
    const std::string &given = parsed.operands.front();
    if (number) {
        auto fd = parse_int<int>(given);
        if (!fd || *fd < 0)
            usage(cat(command.word, " takes ", wanted, ", not '", printable(given), "'"));
        return;
    }
    for (std::string_view rest = command.operand; !rest.empty();)
        if (take_until(rest, ',') == given)
            return;
    usage(cat(command.word, " takes ", wanted, ", not '", printable(given), "'"));
}

void check_others(const Parsed &parsed)
{
    if (parsed.command && parsed.command->operand)
        check_operand(parsed);
    else if (parsed.tool->operands != Operands::Free && !parsed.operands.empty())
        usage(cat("what is '", printable(parsed.operands[0]), "' for?"),
              cat("see ", parsed.tool->name, " --help"));
    if (parsed.has("freeze") && parsed.value("freeze") != "copy" && !parsed.on("leave-running"))
        usage("--freeze is for a tree that is left running", "add --leave-running");
    if (parsed.has("freeze") && parsed.value("freeze") != "copy" &&
        (parsed.on("track-mem") || parsed.has("prev-images-dir")))
        usage("--freeze snapshot does not go together with an incremental dump");
    if (parsed.on("share-pages") && (parsed.on("track-mem") || parsed.on("memory-only")))
        usage("--share-pages is for a dump that no other one continues");
    if (parsed.has("pre-dump-mode") && parsed.value("pre-dump-mode") != "splice" &&
        parsed.value("pre-dump-mode") != "read")
        usage("--pre-dump-mode takes splice or read");
    if (parsed.on("exec-cmd"))
        usage("--exec-cmd is for restore only");
    if (parsed.on("mntns-compat-mode"))
        usage("--mntns-compat-mode is for restore only");
    if (parsed.on("lazy-pages") && parsed.commands() == kPreDump)
        usage("--lazy-pages makes no sense with pre-dump");
}

} // namespace

void choose_command(Parsed &parsed)
{
    if (parsed.operands.empty())
        usage("a command is missing", cat("see ", parsed.tool->name, " --help"));
    std::string word = parsed.operands.front();
    for (const Command &command : criu_commands())
        if (command.word == word)
            parsed.command = &command;
    if (!parsed.command)
        usage(cat("there is no command '", printable(word), "'"), cat("see ", parsed.tool->name, " --help"));
    parsed.operands.erase(parsed.operands.begin());
    // Until now an option was the first row of its name; this command may have another.
    for (Given &given : parsed.given)
        for (const Option &option : options())
            if (option.name == std::string_view(given.option->name) && (option.commands & parsed.commands()))
                given.option = &option;
}

void check_rules(const Parsed &parsed)
{
    for (const std::string &ns : parsed.values("empty-ns"))
        if (ns != "net")
            usage(cat("--empty-ns knows only net, not '", printable(ns), "'"));
    if (parsed.command && parsed.command->status == Status::NotYet)
        refused(cat(parsed.command->word, " is not supported yet: it needs ", parsed.command->note));
    if (parsed.commands() == kRestore)
        check_restore(parsed);
    else
        check_others(parsed);
    check_external(parsed);
    refuse_not_yet(parsed);
}

} // namespace cr::cli
