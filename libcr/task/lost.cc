#include "libcr/task/lost.h"

#include "libcr/base/log.h"
#include "libcr/base/text.h"

namespace cr::task
{

namespace
{

std::string file(const proc::PidDir &task, const char *name)
{
    return std::string(trim(task.read_if_there(name)));
}

struct Unkept {
    const char *name;
    std::string (*read)(const proc::PidDir &);
    const char *initial = nullptr; // what a new session has: nothing to miss
};

constexpr Unkept kTable[] = {
    {"audit session", [](const proc::PidDir &task) { return file(task, "sessionid"); }, "4294967295"},
};

} // namespace

std::vector<std::string> unkept_state(const proc::PidDir &task)
{
    std::vector<std::string> out;
    for (const Unkept &unkept : kTable)
        out.push_back(unkept.read(task));
    return out;
}

void report_lost(pid_t pid, const std::vector<std::string> &theirs, const std::vector<std::string> &ours)
{
    for (size_t i = 0; i < std::size(kTable); i++)
        if (theirs[i] != ours[i] && (!kTable[i].initial || theirs[i] != kTable[i].initial))
            log::warning("pid ", pid, ": its ", kTable[i].name, " (", printable(theirs[i]),
                         ") will not be restored: the restored task has that of its restorer");
}

} // namespace cr::task
