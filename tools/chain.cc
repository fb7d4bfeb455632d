#include "chain.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/session/stages.h"
#include "libcr/sys/gate.h"

#include <csignal>
#include <fcntl.h>
#include <functional>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOOL(name, function) int function(int argc, char **argv);
#include "tools.inc"
#undef TOOL

namespace cr::tools
{

namespace
{

struct Named {
    std::string_view name;
    Main main;
};

#define TOOL(name, function) {name, function},
constexpr Named kMains[] = {
#include "tools.inc"
};
#undef TOOL

void put_at(const Fd &fd, int number)
{
    if (fd)
        sys::check(sys::call(SYS_dup3, fd.get(), number, 0), "join the stages of the pipeline");
}

struct Child {
    pid_t pid;
    std::string name;
};

// A process that does `work`, named for people, and its end of the pipe that `work` writes into.
Child fork_child(std::string name, Fd &read_end, const std::function<int(Fd out)> &work)
{
    const pid_t parent = getpid();
    int ends[2];
    sys::check(sys::call(SYS_pipe2, ends, O_CLOEXEC), "make a pipe");
    Fd next(ends[0]), out(ends[1]);
    long child = sys::check(sys::call(SYS_fork), [&] { return cat("fork ", name); });
    if (child) {
        read_end = std::move(next);
        return {static_cast<pid_t>(child), std::move(name)};
    }
    next.reset();
    int code = 1;
    try {
        sys::check(sys::call(SYS_prctl, PR_SET_PDEATHSIG, SIGTERM), "be told of the end of the parent");
        if (getppid() == parent)
            code = work(std::move(out));
    } catch (const std::exception &error) {
        std::string text = cat(name, ": ", error.what(), "\n");
        [[maybe_unused]] auto n = ::write(STDERR_FILENO, text.data(), text.size());
    }
    // Not exit(): what this process has inherited in buffers and handlers belongs to its parent.
    fflush(stdout);
    _exit(code);
}

// The signal that killed the child, 0 when it ended by itself.
int death_of(pid_t child)
{
    int status = 0;
    while (sys::call(SYS_wait4, child, &status, 0, nullptr) == -EINTR)
        ;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

} // namespace

Main main_of(std::string_view name)
{
    for (const Named &one : kMains)
        if (one.name == name)
            return one.main;
    return nullptr;
}

int call_main(std::vector<std::string> words)
{
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    Main main = main_of(words.at(0));
    if (!main)
        throw std::logic_error(cat(words[0], " is not linked into this program"));
    return main(static_cast<int>(words.size()), argv.data());
}

int run_chain(std::vector<std::string> freeze, const std::vector<std::string> &stages, std::vector<std::string> thaw)
{
    std::vector<Child> children;
    Fd in;
    children.push_back(fork_child("cr-freeze", in, [&](Fd out) {
        put_at(out, STDOUT_FILENO);
        return call_main(std::move(freeze));
    }));
    if (!stages.empty()) {
        std::vector<session::StageEntry> entries;
        std::string names;
        for (const std::string &stage : stages) {
            entries.push_back(*session::find_stage(stage));
            names += cat(names.empty() ? "" : "|", stage);
        }
        Fd from = std::move(in);
        children.push_back(fork_child(std::move(names), in, [&](Fd out) {
            return session::run_stages(entries, std::move(from), std::move(out));
        }));
    }
    put_at(in, STDIN_FILENO);
    in.reset();
    int code = call_main(std::move(thaw));
    for (const Child &child : children)
        if (int signal = death_of(child.pid); signal && code)
            failed_with(0, cat("finish: ", child.name, " was killed by signal ", signal));
    return code;
}

int run_alone(const cli::Parsed &parsed)
{
    return run_chain(parsed.arguments_for(cli::tool("cr-freeze")), {parsed.tool->name}, {"cr-thaw", "--resume"});
}

} // namespace cr::tools
