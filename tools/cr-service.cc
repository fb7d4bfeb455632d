// cr-service: answers CRIU's RPC on a socket in the file system, each client in a process of its own.
#include "action_scripts.h"
#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/image/dir.h"
#include "libcr/sys/gate.h"
#include "rpc_session.h"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace cr;

namespace
{

std::string in(const std::string &dir, const std::string &path)
{
    return path.starts_with('/') ? path : cat(dir, "/", path);
}

// Who may connect is a matter of the directory: the socket itself is open to all.
Fd listen_at(const std::string &path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        usage(cat("the path of the socket is longer than ", sizeof address.sun_path - 1, " bytes"),
              "give a shorter one with --address");
    memcpy(address.sun_path, path.c_str(), path.size());
    Fd socket(static_cast<int>(
        sys::check(sys::call(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "make a socket")));
    struct stat old {
    };
    if (::lstat(path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode))
        ::unlink(path.c_str());
    auto at = [&] { return cat("listen at ", printable(path)); };
    sys::check(sys::call(SYS_bind, socket.get(), &address, sizeof address), at);
    sys::check(sys::call(SYS_fchmodat, AT_FDCWD, path.c_str(), 0666), at);
    sys::check(sys::call(SYS_listen, socket.get(), 16), at);
    return socket;
}

Fd create_pidfile(const std::string &path)
{
    return Fd(static_cast<int>(sys::check(
        sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644),
        [&] { return cat("create the pid file ", printable(path)); })));
}

// The caller goes on only when we listen, which we do already.
void detach()
{
    long child = sys::check(sys::call(SYS_fork), "become a daemon");
    if (child)
        _exit(cli::kOk);
    sys::call(SYS_setsid);
    Fd null(static_cast<int>(
        sys::check(sys::call(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null")));
    bool logs_to_stderr = log::config().fd == STDERR_FILENO;
    for (int fd = 0; fd < (logs_to_stderr ? 2 : 3); fd++)
        sys::call(SYS_dup3, null.get(), fd, 0);
}

// Wakes accept(); the dead are waited for there.
void on_child(int) {}

void reap()
{
    int status;
    while (sys::call(SYS_wait4, -1, &status, WNOHANG, nullptr) > 0)
        ;
}

void catch_children()
{
    struct sigaction action {
    };
    action.sa_handler = on_child;
    sigaction(SIGCHLD, &action, nullptr);
}

[[noreturn]] void be_worker(Fd socket)
{
    int code = cli::kFailed;
    std::signal(SIGCHLD, SIG_DFL);
    try {
        code = tools::serve(socket.release(), tools::Served::Accepted);
    } catch (const std::exception &error) {
        log::error(error.what());
    }
    fflush(stdout);
    _exit(code);
}

[[noreturn]] void serve_all(Fd listener)
{
    for (;;) {
        reap();
        long fd = sys::call(SYS_accept4, listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd == -EINTR || fd == -ECONNABORTED)
            continue;
        sys::check(fd, "wait for clients");
        Fd client(static_cast<int>(fd));
        long child = sys::call(SYS_fork);
        if (child == 0) {
            listener.reset();
            be_worker(std::move(client));
        }
        if (child < 0)
            log::error("cannot fork for a client: ", errno_text(static_cast<int>(-child)));
    }
}

int service(const cli::ServiceOptions &options)
{
    Fd listener = listen_at(in(options.work_dir, options.address));
    Fd pidfile = options.pidfile.empty() ? Fd() : create_pidfile(in(options.work_dir, options.pidfile));
    catch_children();
    if (options.detached)
        detach();
    if (pidfile) {
        std::string text = cat(::getpid());
        sys::check(sys::call(SYS_write, pidfile.get(), text.data(), text.size()), "write the pid file");
        pidfile.reset();
    }
    if (!options.action_scripts.empty()) {
        image::Dir images = image::Dir::open(options.images_dir);
        tools::ActionScripts(options.action_scripts, images.fd()).must("status-ready");
    }
    if (options.status_fd >= 0)
        sys::check(sys::call(SYS_write, options.status_fd, "", 1), "write to the descriptor of --status-fd");
    log::info("listening at ", printable(in(options.work_dir, options.address)));
    serve_all(std::move(listener));
}

} // namespace

int cr_service_main(int argc, char **argv);
int cr_service_main(int argc, char **argv)
{
    return cli::run("cr-service", argc, argv,
                    [](const cli::Parsed &parsed) { return service(cli::service_options(parsed)); });
}
