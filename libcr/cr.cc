// libcr's C interface. A dump or restore changes the process that does it (signals blocked, limits raised,
// children to wait for), which nobody who embeds us should have to live with: everything is done in a child,
// whose answer comes back through a pipe.
#include "libcr/cr.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/log.h"
#include "libcr/base/version.h"
#include "libcr/restore/restore.h"
#include "libcr/session/freeze.h"
#include "libcr/session/link.h"
#include "libcr/session/stages.h"
#include "libcr/session/thaw.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace
{

using namespace cr;

struct Answer {
    long value = -1;
    cr_error error{};
};

void put_text(char *to, size_t size, const std::string &text)
{
    size_t n = std::min(size - 1, text.size());
    std::memcpy(to, text.data(), n);
    to[n] = 0;
}

cr_error to_c(const Error &error)
{
    cr_error out{};
    out.err = error.err();
    put_text(out.subject, sizeof out.subject, error.subject());
    put_text(out.remedy, sizeof out.remedy, error.remedy());
    put_text(out.message, sizeof out.message, error.what());
    return out;
}

// What `work` gives, or the error that it throws.
Answer answer_of(const std::function<long()> &work)
{
    Answer answer;
    try {
        answer.value = work();
    } catch (const Answer &thrown) {
        return thrown;
    } catch (const session::Blocked &blocked) {
        answer.error = to_c(blocked.blockers.front());
    } catch (const session::NoSession &) {
        answer.error = to_c(Error(Error::Kind::Failed, 0, "begin the session"));
    } catch (const Error &error) {
        answer.error = to_c(error);
    } catch (const std::exception &error) {
        answer.error = to_c(Error(Error::Kind::Failed, 0, error.what()));
    }
    return answer;
}

struct Pipe {
    Fd read, write;
    Pipe()
    {
        int ends[2];
        sys::check(sys::call(SYS_pipe2, ends, O_CLOEXEC), "make a pipe");
        read = Fd(ends[0]);
        write = Fd(ends[1]);
    }
};

// A child that ends with what `work` returns, and that is told to end when its parent does.
pid_t fork_for(const std::function<int()> &work)
{
    pid_t parent = ::getpid();
    long child = sys::call(SYS_fork);
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != parent)
            ::_exit(1);
        ::signal(SIGPIPE, SIG_IGN);
        int code = 1;
        try {
            code = work();
        } catch (...) {
        }
        ::_exit(code);
    }
    return static_cast<pid_t>(sys::check(child, "fork"));
}

Answer in_child(const std::function<long()> &work)
{
    Pipe pipe;
    pid_t child = fork_for([&] {
        log::configure({.level = log::kMessage}); // the caller's stderr is not ours
        log::speak_as("libcr");
        Answer answer = answer_of(work);
        return ::write(pipe.write.get(), &answer, sizeof answer) == sizeof answer ? 0 : 1;
    });
    pipe.write.reset();
    Answer answer;
    bool heard = ::read(pipe.read.get(), &answer, sizeof answer) == sizeof answer;
    while (sys::call(SYS_wait4, child, nullptr, 0, nullptr) == -EINTR)
        ;
    if (!heard)
        failed_with(0, "hear from the process that does the work: it has died");
    return answer;
}

// cr-freeze | stages | cr-thaw, the last one here. An error of cr-freeze before its session began has a pipe
// of its own, since nobody behind it would know.
long run_pipeline(const session::FreezeRequest &request, session::Release release)
{
    Pipe early, first;
    fork_for([&] {
        early.read.reset();
        first.read.reset();
        Answer answer = answer_of([&] { return session::freeze(request, first.write.get()) == session::Ended::Well ? 0 : 1; });
        if (answer.error.message[0]) [[maybe_unused]]
            auto n = ::write(early.write.get(), &answer, sizeof answer);
        return answer.value == 0 ? 0 : 1;
    });
    early.write.reset();
    first.write.reset();
    Pipe last;
    fork_for([&] {
        // An end that we hold ourselves would hide from us that the next stage has gone.
        last.read.reset();
        auto all = session::stages();
        return session::run_stages({all.begin(), all.end()}, std::move(first.read), std::move(last.write));
    });
    first.read.reset();
    last.write.reset();
    Answer answer = answer_of([&] { return session::thaw(last.read.get(), release, {}), 0; });
    last.read.reset();
    while (sys::call(SYS_wait4, -1, nullptr, 0, nullptr) != -ECHILD)
        ;
    Answer before;
    if (answer.value && ::read(early.read.get(), &before, sizeof before) == sizeof before)
        answer = before;
    if (answer.value)
        throw answer;
    return 0;
}

// The caller's struct, which may be older and shorter than ours.
template <class Options> Options taken(const Options *options)
{
    Options copy{};
    if (!options || options->size < sizeof(size_t) || !options->images_dir)
        usage("the options say nothing");
    std::memcpy(&copy, options, std::min(options->size, sizeof copy));
    return copy;
}

Answer finished(const std::function<Answer()> &work, cr_error *error)
{
    Answer answer;
    try {
        answer = work();
    } catch (const Error &e) {
        answer.error = to_c(e);
    }
    if (error)
        *error = answer.error;
    return answer;
}

} // namespace

const char *cr_version() { return kVersion; }

int cr_dump(const cr_dump_options *given, cr_error *error)
{
    auto work = [&] {
        cr_dump_options options = taken(given);
        session::FreezeRequest request;
        request.tree = options.tree;
        request.images_dir = request.work_dir = options.images_dir;
        request.dry_run = options.dry_run;
        request.shell_job = options.shell_job;
        request.leave_running = options.after == CR_AFTER_RUN;
        request.log_level = log::kMessage;
        if (options.timeout_ms)
            request.timeout = std::chrono::milliseconds(options.timeout_ms);
        auto release = options.after == CR_AFTER_KILL  ? session::Release::Kill
                       : options.after == CR_AFTER_RUN ? session::Release::Resume
                                                       : session::Release::Stop;
        return in_child([&] { return run_pipeline(request, release); });
    };
    return finished(work, error).value == 0 ? 0 : -1;
}

pid_t cr_restore(const cr_restore_options *given, cr_error *error)
{
    auto work = [&] {
        cr_restore_options options = taken(given);
        restore::RestoreRequest request;
        request.images_dir = options.images_dir;
        request.sibling = options.as_child;
        request.leave_stopped = options.leave_stopped;
        request.shell_job = options.shell_job;
        return in_child([&] { return static_cast<long>(restore::restore(request).root); });
    };
    return static_cast<pid_t>(finished(work, error).value);
}
