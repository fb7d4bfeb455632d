#include "libcr/ns/blockers.h"

#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"

#include <fcntl.h>

namespace cr::ns
{

namespace
{

struct Word {
    const char *name;
    const char *noun;
};

constexpr Word kWords[] = {
    {"cgroup", "a cgroup namespace"}, {"ipc", "an IPC namespace"},
    {"mnt", "a mount namespace"},     {"net", "a network namespace"},
    {"pid", "a pid namespace"},       {"pid_for_children", "a pid namespace for its children"},
    {"time", "a time namespace"},     {"time_for_children", "a time namespace for its children"},
    {"user", "a user namespace"},     {"uts", "a UTS namespace"},
};

} // namespace

Links links_of(pid_t pid)
{
    auto what = [&] { return cat("pid ", pid); };
    Subject subject(what);
    Fd dir = sys::open_at(AT_FDCWD, cat("/proc/", pid, "/ns").c_str(), O_RDONLY | O_DIRECTORY);
    Links out;
    for (const Word &word : kWords)
        // A kernel without that kind, or a process without children to come, has no such link.
        out.emplace_back(word.name, sys::readlink_at(dir.get(), word.name).value_or(""));
    return out;
}

void blockers(pid_t pid, const Links &own, std::vector<Blocker> &out)
{
    Links theirs = links_of(pid);
    for (size_t i = 0; i < theirs.size(); i++)
        if (theirs[i].second != own[i].second && !theirs[i].second.empty())
            out.push_back({cat("pid ", pid),
                           cat("it has ", kWords[i].noun, " of its own; this is not supported yet"),
                           "run the dump inside of that namespace (nsenter), or the program outside of it"});
}

} // namespace cr::ns
