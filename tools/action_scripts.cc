#include "action_scripts.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"
#include "rpc_socket.h"

#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cr::tools
{

namespace
{

class Spawn
{
  public:
    Spawn()
    {
        posix_spawn_file_actions_init(&files_);
        posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&files_, STDERR_FILENO, STDOUT_FILENO);
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_init(&attributes_);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setsigdefault(&attributes_, &all);
    }
    ~Spawn()
    {
        posix_spawn_file_actions_destroy(&files_);
        posix_spawnattr_destroy(&attributes_);
    }
    Spawn(const Spawn &) = delete;
    Spawn &operator=(const Spawn &) = delete;

    pid_t start(const std::string &path, char **environment)
    {
        pid_t pid = 0;
        char *argv[] = {const_cast<char *>(path.c_str()), nullptr};
        if (int err = posix_spawn(&pid, path.c_str(), &files_, &attributes_, argv, environment))
            failed_with(err, cat("run the action script ", printable(path)));
        return pid;
    }

  private:
    posix_spawn_file_actions_t files_;
    posix_spawnattr_t attributes_;
};

std::vector<std::string> environment_for(const std::string &action, int images, pid_t root)
{
    std::vector<std::string> all;
    for (char **one = environ; *one; one++)
        if (!std::string_view(*one).starts_with("CRTOOLS_"))
            all.emplace_back(*one);
    all.push_back(cat("CRTOOLS_SCRIPT_ACTION=", action));
    all.push_back(cat("CRTOOLS_IMAGE_DIR=/proc/", getpid(), "/fd/", images));
    if (root)
        all.push_back(cat("CRTOOLS_INIT_PID=", root));
    return all;
}

int wait_for(pid_t pid)
{
    int status = 0;
    long ended;
    while ((ended = sys::call(SYS_wait4, pid, &status, 0, nullptr)) == -EINTR)
        ;
    sys::check(ended, "wait for an action script");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

int ActionScripts::run(const std::string &action, pid_t root) const
{
    auto texts = environment_for(action, images_, root);
    std::vector<char *> environment;
    for (std::string &text : texts)
        environment.push_back(text.data());
    environment.push_back(nullptr);
    for (const std::string &path : paths_) {
        log::info("running ", printable(path), " at ", action);
        if (int code = wait_for(Spawn().start(path, environment.data())))
            return code;
    }
    // Clients are told the pid only where it is new.
    bool tells_pid = action == "setup-namespaces" || action == "post-restore";
    return client_ < 0 || notify(client_, action, tells_pid ? root : 0) ? 0 : 1;
}

void ActionScripts::must(const std::string &action, pid_t root) const
{
    if (int code = run(action, root))
        failed_with(0, cat("go on: an action script ended with ", code, " at ", action));
}

} // namespace cr::tools
