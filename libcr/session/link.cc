#include "libcr/session/link.h"

#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <csignal>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::session
{

HolderLink::HolderLink(const img::session_hello &hello)
{
    auto what = [&] { return cat("reach the holder of the tree (pid ", hello.holder_pid(), ")"); };
    pidfd_ = Fd(static_cast<int>(sys::check(sys::call(SYS_pidfd_open, hello.holder_pid(), 0), what)));
    socket_ = Fd(
        static_cast<int>(sys::check(sys::call(SYS_pidfd_getfd, pidfd_.get(), hello.session_fd(), 0), what)));
}

void HolderLink::watch_me()
{
    img::session_request request;
    request.set_watch_pid(static_cast<uint32_t>(::getpid()));
    tell(request);
}

Fd HolderLink::take(int fd) const
{
    return Fd(static_cast<int>(sys::check(sys::call(SYS_pidfd_getfd, pidfd_.get(), fd, 0),
                                          "take a descriptor of the holder of the tree")));
}

void HolderLink::tell(const img::session_request &request)
{
    std::string bytes = request.SerializeAsString();
    sys::check(sys::call(SYS_sendto, socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL, 0, 0),
               "speak to the holder of the tree");
}

img::session_reply HolderLink::ask(const img::session_request &request)
{
    tell(request);
    pollfd fds[2] = {{socket_.get(), POLLIN, 0}, {pidfd_.get(), POLLIN, 0}};
    char buffer[4096];
    for (;;) {
        long n = sys::call(SYS_poll, fds, 2, -1);
        if (n == -EINTR)
            continue;
        sys::check(n, "wait for the holder of the tree");
        if (fds[0].revents) {
            n = sys::check(sys::call(SYS_recvfrom, socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT, 0, 0),
                           "hear the holder of the tree");
            img::session_reply reply;
            if (!reply.ParseFromArray(buffer, static_cast<int>(n)))
                failed_with(EPROTO, "understand the holder of the tree");
            return reply;
        }
        if (fds[1].revents)
            failed_with(0, "reach the holder of the tree: it has ended");
    }
}

void refuse_terminal_output(int fd, const std::string &tool)
{
    if (::isatty(fd))
        usage(cat(tool, " writes a session stream, not text"),
              cat("pipe it on: cr-freeze -t PID -D DIR | cr-dump-mm | cr-dump-files | cr-thaw --resume"));
}

void refuse_terminal_input(int fd, const std::string &tool)
{
    if (::isatty(fd))
        usage(cat(tool, " reads a session stream from its standard input"),
              "start the pipeline with cr-freeze -t PID -D DIR");
}

void block_stop_signals()
{
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGTTIN);
    sigaddset(&set, SIGTTOU);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// Not written when it is that already: other stages may be threads of this process.
void join_log(const img::session_hello &hello)
{
    log::Config config = log::config();
    const int level = static_cast<int>(hello.log_level());
    if (config.start_ns == hello.start_ns() && config.level == level)
        return;
    config.start_ns = hello.start_ns();
    config.level = level;
    log::configure(config);
}

img::session_failure to_record(const std::string &stage, const Error &error)
{
    img::session_failure out;
    out.set_stage(stage);
    out.set_subject(error.subject());
    out.set_attempted(error.attempted());
    out.set_remedy(error.remedy());
    out.set_err(error.err());
    out.set_kind(static_cast<uint32_t>(error.kind()));
    return out;
}

Error to_error(const img::session_failure &failure)
{
    auto kind =
        static_cast<Error::Kind>(std::min(failure.kind(), static_cast<uint32_t>(Error::Kind::Overtaken)));
    std::string subject = failure.stage();
    if (!failure.subject().empty())
        subject += ": " + failure.subject();
    return Error(kind, failure.err(), failure.attempted(), failure.remedy()).with_subject(subject);
}

} // namespace cr::session
