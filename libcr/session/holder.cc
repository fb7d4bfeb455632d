#include "libcr/session/holder.h"

#include "libcr/base/clock.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/sys/end_signals.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/nftables.h"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::session
{

Holder::Holder()
{
    int pair[2];
    sys::check(sys::call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair),
               "make the session socket");
    ours_ = Fd(pair[0]);
    theirs_ = Fd(pair[1]);
    // Those undo the session; a traced task that dies is told by SIGCHLD.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (int signal : sys::kEndSignals)
        sigaddset(&set, signal);
    sys::check(sys::call(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, 8), "block signals");
    signals_ = Fd(static_cast<int>(
        sys::check(sys::call(SYS_signalfd4, -1, &set, 8, SFD_CLOEXEC | SFD_NONBLOCK), "watch for signals")));
}

static constexpr const char *kNoThaw = "no cr-thaw has come at the end of the pipeline";

void Holder::wait_for_pipeline(int out)
{
    std::string why;
    while (!pipeline_stands_) {
        std::vector<pollfd> fds = {{ours_.get(), POLLIN, 0}, {out, 0, 0}, {signals_.get(), POLLIN, 0}};
        for (auto &[pid, fd] : watched_)
            fds.push_back({fd.get(), POLLIN, 0});
        long n = sys::call(SYS_poll, fds.data(), fds.size(), static_cast<int>(pipeline_limit_.count()));
        if (n == -EINTR)
            continue;
        if (n == 0)
            failed_with(0, cat("begin the dump: ", kNoThaw), "the processes run on as before");
        if (n < 0 || !fds[0].revents)
            return;
        if (hear([](Release) { return 0; }, why) == Step::Undo)
            failed_with(0, cat("begin the dump: ", why), "the processes run on as before");
    }
}

Holder::Step Holder::hear(const LetGo &let_go, std::string &why)
{
    char buffer[4096];
    long n = sys::call(SYS_recvfrom, ours_.get(), buffer, sizeof buffer, MSG_DONTWAIT, 0, 0);
    if (n == -EAGAIN || n == -EINTR)
        return Step::Wait;
    img::session_request request;
    if (n <= 0 || !request.ParseFromArray(buffer, static_cast<int>(n))) {
        why = "a stage spoke nonsense";
        return Step::Undo;
    }
    pid_t pid = static_cast<pid_t>(request.watch_pid());
    auto is_it = [pid](const auto &one) { return one.first == pid; };
    // Several stages may be threads of one process.
    if (request.has_watch_pid() && std::none_of(watched_.begin(), watched_.end(), is_it)) {
        long fd = sys::call(SYS_pidfd_open, pid, 0);
        if (fd < 0) {
            why = cat("stage ", pid, " is gone");
            return Step::Undo;
        }
        watched_.emplace_back(pid, Fd(static_cast<int>(fd)));
        progress_.watch(pid);
    }
    collected_ |= request.collected();
    pipeline_stands_ |= request.pipeline_stands();
    if (request.sockets_read())
        end_lock();
    if (request.has_intent())
        intent_ = request.intent();
    if (request.abort()) {
        why = "cr-thaw asked to undo";
        return Step::Undo;
    }
    bool release = request.has_release();
    if (!release && !request.has_intent())
        return Step::Wait;
    img::session_reply reply;
    reply.set_ok(true);
    if (release)
        reply.set_frozen_us(let_go(static_cast<Release>(request.release())));
    std::string bytes = reply.SerializeAsString();
    long sent = sys::call(SYS_sendto, ours_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
    if (release) // if it does not hear of it, it sees us end
        return Step::Released;
    if (sent < 0) { // it has not committed, and would wait for ever
        why = "cannot answer cr-thaw: " + errno_text(static_cast<int>(-sent));
        return Step::Undo;
    }
    return Step::Wait;
}

int Holder::open_lock()
{
    lock_ = sys::open_nftables();
    return lock_.get();
}

bool Holder::to_be_finished(const Committed &committed) const
{
    try {
        return intent_ && committed(static_cast<Release>(intent_));
    } catch (const Error &error) {
        log::warning(error.what());
        return false;
    }
}

// A stage that neither does anything nor ends must not keep the tree from running. What cr-thaw waits for at the end, a
// script or a client, has its own reasons.
std::string Holder::patience_ends(uint64_t begin_us)
{
    if (!pipeline_stands_ && monotonic_us() - begin_us >= static_cast<uint64_t>(pipeline_limit_.count()) * 1000)
        return kNoThaw;
    if (pipeline_stands_ && !collected_ && progress_.idle_us() >= patience_us_)
        return cat("no stage has done anything for ", patience_us_ / 1'000'000, " seconds");
    return {};
}

bool Holder::serve(int out, const LetGo &let_go, const Committed &committed,
                   const std::function<std::string()> &tree_trouble, std::string &why)
{
    constexpr int kLookMs = 1000;
    const uint64_t begin_us = monotonic_us();
    Step step = Step::Wait;
    while (step == Step::Wait) {
        std::vector<pollfd> fds = {{ours_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, {out, 0, 0}};
        for (auto &[pid, fd] : watched_)
            fds.push_back({fd.get(), POLLIN, 0});
        long n = sys::call(SYS_poll, fds.data(), fds.size(), kLookMs);
        if (n == -EINTR)
            continue;
        if (n == 0) {
            why = patience_ends(begin_us);
            if (why.empty())
                continue;
            break;
        }
        if (n < 0) {
            why = "cannot wait for the stages: " + errno_text(static_cast<int>(-n));
            break;
        }
        // Requests first: a stage that asked and then ended did what it had to.
        if (fds[0].revents) {
            step = hear(let_go, why);
            continue;
        }
        if (fds[1].revents) {
            signalfd_siginfo info;
            n = sys::call(SYS_read, signals_.get(), &info, sizeof info);
            if (n == sizeof info && info.ssi_signo != SIGCHLD) {
                why = cat("ended by signal ", info.ssi_signo);
                break;
            }
            why = tree_trouble();
            if (!why.empty())
                break;
        }
        for (size_t i = 3; i < fds.size() && why.empty(); i++)
            if (fds[i].revents)
                why = cat("stage ", watched_[i - 3].first, " ended before the session did");
        if (why.empty() && fds[2].revents)
            why = "the next stage of the pipeline is gone";
        if (!why.empty())
            break;
    }
    if (step == Step::Released)
        return true;
    if (to_be_finished(committed)) {
        log::warning("cr-thaw ended after the commit: finishing for it");
        let_go(static_cast<Release>(intent_));
        return true;
    }
    let_go(Release::Resume);
    return false;
}

} // namespace cr::session
