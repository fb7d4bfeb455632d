#include "libcr/files/stand_in.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/nonblocking.h"
#include "libcr/sys/process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace cr::files
{

bool capture_peer_credentials(int fd, img::cr_credentials &to)
{
    constexpr int kPeerGroups = 59; // SO_PEERGROUPS
    ucred who{};
    socklen_t size = sizeof who;
    long r = sys::call(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
    if (r < 0 || who.uid == static_cast<uid_t>(-1))
        return false;
    to.set_pid(who.pid);
    to.set_uid(who.uid);
    to.set_gid(who.gid);
    std::vector<uint32_t> groups(32);
    do {
        size = static_cast<socklen_t>(groups.size() * sizeof groups[0]);
        r = sys::call(SYS_getsockopt, fd, SOL_SOCKET, kPeerGroups, groups.data(), &size);
        groups.resize(r == 0 || r == -ERANGE ? size / sizeof groups[0] : 0);
    } while (r == -ERANGE);
    to.mutable_groups()->Assign(groups.begin(), groups.end());
    return true;
}

// One message each way.
struct StandIns::Request {
    enum What : int { Pair, Listen, Connect } what;
    int fd;     // or the type of a pair
    int number; // backlog, or the size of the address
    char address[sizeof(sockaddr_un)];
};
struct StandIns::Answer {
    long result;
    int ends[2];
};

StandIns::Answer StandIns::work(const Request &request)
{
    Answer out{-EINVAL, {-1, -1}};
    if (request.what == Request::Pair)
        out.result = sys::call(SYS_socketpair, AF_UNIX, request.fd | SOCK_CLOEXEC, 0, out.ends);
    else if (request.what == Request::Listen)
        out.result = sys::call(SYS_listen, request.fd, request.number);
    else
        out.result = sys::call(SYS_connect, request.fd, request.address, request.number);
    return out;
}

namespace
{

constexpr size_t kMost = 64; // at one time

// The ids are taken in a way that keeps our capabilities: names of sockets may be in directories of others.
long take_ids(const img::cr_credentials &who)
{
    long r = sys::call(SYS_setgroups, who.groups_size(), who.groups().data());
    if (r == 0)
        r = sys::call(SYS_setresgid, -1, who.gid(), -1);
    if (r == 0)
        r = sys::call(SYS_setresuid, -1, who.uid(), -1);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (r == 0)
        r = sys::call(SYS_capget, &header, data);
    for (auto &half : data)
        half.effective = half.permitted;
    return r == 0 ? sys::call(SYS_capset, &header, data) : r;
}

} // namespace

// Memory is a copy: what is in it is never freed or locked.
void StandIns::serve(int socket, const img::cr_credentials &who, pid_t parent)
{
    long r = take_ids(who);
    sys::call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); // which a change of ids forgets
    sys::call(SYS_sendto, socket, &r, sizeof r, MSG_NOSIGNAL, 0, 0);
    Request request;
    while (r == 0 && ::getppid() == parent &&
           sys::call(SYS_recvfrom, socket, &request, sizeof request, 0, 0, 0) == sizeof request) {
        Answer answer = work(request);
        sys::call(SYS_sendto, socket, &answer, sizeof answer, MSG_NOSIGNAL, 0, 0);
    }
    ::_exit(0);
}

class StandIns::Process
{
  public:
    Process(const img::cr_credentials &who, const Aside &aside);
    ~Process();
    Process(const Process &) = delete;
    Process &operator=(const Process &) = delete;
    long error() const { return error_; } // why it could not be made
    bool is(const img::cr_credentials &who) const { return who.SerializeAsString() == who_; }
    Answer ask(const Request &request) const;

  private:
    std::string who_;
    Fd ours_, its_; // it has them too
    long pid_ = 0, error_ = 0;
};

StandIns::Process::Process(const img::cr_credentials &who, const Aside &aside) : who_(who.SerializeAsString())
{
    constexpr timeval kPatience{10, 0};
    int ends[2];
    sys::check(sys::call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends),
               "make a socket to a process of ours");
    Fd first(ends[0]), second(ends[1]);
    ours_ = aside(first.get());
    its_ = aside(second.get());
    // It has our end, too, so its death is not heard.
    sys::check(sys::call(SYS_setsockopt, ours_.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience),
               "limit how long we wait");
    pid_t wanted = who.pid(), parent = ::getpid();
    clone_args args{};
    args.flags = CLONE_FILES | CLONE_FS;
    args.exit_signal = SIGCHLD;
    if (wanted) {
        args.set_tid = reinterpret_cast<uint64_t>(&wanted);
        args.set_tid_size = 1;
    }
    pid_ = sys::call(SYS_clone3, &args, sizeof args);
    if (pid_ < 0 && wanted) {
        log::warning(Subject::current(), ": its other end is seen as a process of this restore, not as pid ",
                     wanted, " (SO_PEERCRED): ", errno_text(static_cast<int>(-pid_)));
        args.set_tid = args.set_tid_size = 0;
        pid_ = sys::call(SYS_clone3, &args, sizeof args);
    }
    if (pid_ == 0)
        serve(its_.get(), who, parent);
    if (pid_ < 0)
        error_ = pid_;
    else if (sys::call(SYS_recvfrom, ours_.get(), &error_, sizeof error_, 0, 0, 0) != sizeof error_)
        error_ = -ESRCH;
}

StandIns::Answer StandIns::Process::ask(const Request &request) const
{
    Answer answer{-EIO, {-1, -1}};
    sys::check(sys::call(SYS_sendto, ours_.get(), &request, sizeof request, MSG_NOSIGNAL, 0, 0),
               "ask a process of ours");
    if (sys::call(SYS_recvfrom, ours_.get(), &answer, sizeof answer, 0, 0, 0) != sizeof answer)
        failed_with(ESRCH, "hear a process of ours");
    return answer;
}

StandIns::Process::~Process()
{
    if (pid_ <= 0)
        return;
    sys::call(SYS_kill, pid_, SIGKILL);
    sys::WaitStatus status;
    while (sys::wait_for(static_cast<pid_t>(pid_), status, __WALL) == -EINTR)
        ;
}

StandIns::StandIns(Aside aside) : aside_(std::move(aside)) {}
StandIns::~StandIns() = default;
void StandIns::end() { processes_.clear(); }

// Null: it could not be made, which was told.
StandIns::Process *StandIns::of(const img::cr_credentials &who)
{
    if (!processes_.count(who.pid()) && processes_.size() >= kMost)
        end();
    std::unique_ptr<Process> &process = processes_[who.pid()];
    if (process && process->is(who))
        return process.get();
    process.reset(); // its id is needed
    process = std::make_unique<Process>(who, aside_);
    if (long error = process->error()) {
        process.reset();
        log::warning(Subject::current(), ": its other end is seen as this restore, not as user ", who.uid(),
                     " (SO_PEERCRED): ", errno_text(static_cast<int>(-error)));
    }
    return process.get();
}

StandIns::Answer StandIns::ask(const img::cr_credentials *who, const Request &request)
{
    Process *process = who ? of(*who) : nullptr;
    return process ? process->ask(request) : work(request);
}

std::pair<Fd, Fd> StandIns::pair(const img::cr_credentials *who, int type)
{
    Answer answer = ask(who, {Request::Pair, type, 0, {}});
    sys::check(answer.result, "make a pair of unix sockets");
    return {Fd(answer.ends[0]), Fd(answer.ends[1])};
}

void StandIns::listen(const img::cr_credentials *who, int fd, uint32_t backlog)
{
    sys::check(ask(who, {Request::Listen, fd, static_cast<int>(backlog), {}}).result, "listen");
}

void StandIns::connect(const img::cr_credentials *who, int fd, const std::string &address)
{
    Request request{Request::Connect, fd, static_cast<int>(address.size()), {}};
    std::memcpy(request.address, address.data(), std::min(address.size(), sizeof request.address));
    sys::NonBlocking nonblocking(fd); // a full queue would be waited for
    long r = ask(who, request).result;
    if (r == -EAGAIN)
        failed_with(EAGAIN, "connect it: as many connections as may be wait there already",
                    "raise the limit net.core.somaxconn");
    sys::check(r, "connect it");
}

} // namespace cr::files
