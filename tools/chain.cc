#include "chain.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <csignal>
#include <fcntl.h>
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

[[noreturn]] void be_stage(std::vector<std::string> words, const Fd &in, const Fd &out, pid_t parent)
{
    int code = 1;
    std::string name = words.at(0);
    try {
        sys::check(sys::call(SYS_prctl, PR_SET_PDEATHSIG, SIGTERM), "be told of the end of the parent");
        if (getppid() != parent)
            _exit(1);
        put_at(in, STDIN_FILENO);
        put_at(out, STDOUT_FILENO);
        code = call_main(std::move(words));
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

int run_chain(std::vector<std::vector<std::string>> commands)
{
    pid_t self = getpid();
    std::vector<pid_t> children;
    Fd in;
    for (size_t i = 0; i + 1 < commands.size(); i++) {
        int ends[2];
        sys::check(sys::call(SYS_pipe2, ends, O_CLOEXEC), "make a pipe");
        Fd next(ends[0]), out(ends[1]);
        long child = sys::call(SYS_fork);
        if (child == 0) {
            next.reset();
            be_stage(commands[i], in, out, self);
        }
        sys::check(child, "fork a stage");
        children.push_back(static_cast<pid_t>(child));
        in = std::move(next);
    }
    put_at(in, STDIN_FILENO);
    in.reset();
    int code = call_main(std::move(commands.back()));
    for (size_t i = 0; i < children.size(); i++)
        if (int signal = death_of(children[i]); signal && code)
            failed_with(0, cat("finish: ", commands[i].front(), " was killed by signal ", signal));
    return code;
}

int run_alone(const cli::Parsed &parsed)
{
    return run_chain(
        {parsed.arguments_for(cli::tool("cr-freeze")), {parsed.tool->name}, {"cr-thaw", "--resume"}});
}

} // namespace cr::tools
