#include "libcr/restore/opener_process.h"

#include "libcr/base/error.h"
#include "libcr/base/insist.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/sys/process.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cr::restore
{

namespace
{

// An Error as bytes and back: kind, errno, then three texts ended by NUL. Empty: all is well.
std::string to_bytes(const Error &error)
{
    return cat(static_cast<int>(error.kind()), " ", error.err(), " ", error.attempted(), '\0',
               error.subject(), '\0', error.remedy(), '\0');
}

Error from_bytes(std::string_view bytes)
{
    auto kind = static_cast<Error::Kind>(parse_int<int>(take_until(bytes, ' ')).value_or(0));
    int err = parse_int<int>(take_until(bytes, ' ')).value_or(0);
    std::string attempted(take_until(bytes, '\0')), subject(take_until(bytes, '\0')),
        remedy(take_until(bytes, '\0'));
    return Error(kind, err, attempted, remedy).with_subject(subject);
}

void reply(int socket, const std::function<void()> &work)
{
    std::string answer;
    try {
        work();
    } catch (const Error &error) {
        answer = to_bytes(error);
    } catch (const std::exception &error) {
        answer = to_bytes(Error(Error::Kind::Failed, 0, cat("open files: ", error.what())));
    }
    answer += '.'; // never an empty message: that would be the end
    // Who waits for the answer would do so for ever; our end it sees.
    if (sys::call(SYS_sendto, socket, answer.data(), answer.size(), MSG_NOSIGNAL, 0, 0) < 0)
        ::_exit(1);
}

} // namespace

void OpenerProcess::serve(int socket, const OpenerWork &work, const Commitment &commitment)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    prctl(PR_SET_NAME, "cr-opener");
    // As many descriptors as we may.
    rlimit limit;
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    reply(socket, work.open_all);
    bool outlives = false;
    // Until the coordinator ends us, or ends.
    for (;;) {
        char request;
        long n = sys::call(SYS_recvfrom, socket, &request, 1, 0, 0, 0);
        if (n == -EINTR)
            continue;
        if (n != 1)
            break;
        if (request == kLate)
            reply(socket, work.late);
        else if (request == kAfter)
            reply(socket, work.after_tasks);
        else
            reply(socket, [&] {
                sys::check(sys::call(SYS_prctl, PR_SET_PDEATHSIG, 0), "outlive the restorer");
                outlives = true;
            });
    }
    if (outlives && commitment.is_made())
        reply(socket, work.let_go);
    ::_exit(0);
}

OpenerProcess::OpenerProcess(const std::set<pid_t> &taken, const OpenerWork &work,
                             const Commitment &commitment)
{
    int ends[2];
    sys::check(sys::call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends),
               "make a socket to the opener");
    socket_ = Fd(ends[0]);
    Fd theirs(ends[1]);
    const pid_t parent = ::getpid();
    pid_ = static_cast<pid_t>(sys::check(sys::fork_outside(taken), "fork the opener"));
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent)
            ::_exit(1);
        socket_.reset();
        serve(theirs.get(), work, commitment);
    }
}

void OpenerProcess::hear()
{
    constexpr size_t kLongest = 65536;
    auto answer = std::make_unique_for_overwrite<char[]>(kLongest); // most are of one byte
    long n;
    while ((n = sys::call(SYS_recvfrom, socket_.get(), answer.get(), kLongest, 0, 0, 0)) == -EINTR)
        ;
    sys::check(n, "hear the opener");
    if (n == 0)
        failed_with(0, "hear the opener: it has ended");
    if (n > 1)
        throw from_bytes(std::string(answer.get(), static_cast<size_t>(n - 1)));
}

void OpenerProcess::ask(Request request)
{
    sys::check(sys::call(SYS_sendto, socket_.get(), &request, 1, MSG_NOSIGNAL, 0, 0), "speak to the opener");
    hear();
}

// The guardian has a copy of our end, so closing it would not be noticed.
void OpenerProcess::let_go()
{
    insist([&] { sys::check(sys::call(SYS_shutdown, socket_.get(), SHUT_WR), "leave the opener alone"); });
    left_alone_ = true;
    hear();
}

OpenerProcess::~OpenerProcess()
{
    socket_.reset();
    if (!left_alone_)
        ::kill(pid_, SIGKILL);
    sys::WaitStatus status;
    while (sys::wait_for(pid_, status, __WALL) == -EINTR)
        ;
}

} // namespace cr::restore
