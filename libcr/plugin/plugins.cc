#include "libcr/plugin/plugins.h"

#include "libcr/base/clock.h"
#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/plugin/envelope.h"
#include "libcr/sys/end_signals.h"
#include "libcr/sys/file.h"
#include "libcr/sys/process.h"
#include "libcr/sys/random.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cr::plugin
{

namespace
{

constexpr const char *kUsualDir = "/usr/lib/criu";

constexpr const char *kHookNames[] = {
    "DUMP_UNIX_SK",        "RESTORE_UNIX_SK", "DUMP_EXT_FILE",       "RESTORE_EXT_FILE",
    "DUMP_EXT_MOUNT",      "RESTORE_EXT_MOUNT", "DUMP_EXT_LINK",     "HANDLE_DEVICE_VMA",
    "UPDATE_VMA_MAP",      "RESUME_DEVICES_LATE", "PAUSE_DEVICES",   "CHECKPOINT_DEVICES",
    "POST_FORKING",        "RESTORE_INIT",    "DUMP_DEVICES_LATE"};
static_assert(std::size(kHookNames) == static_cast<size_t>(Hook::Count));

bool has_objects(const std::string &dir)
{
    DIR *list = ::opendir(dir.c_str());
    if (!list)
        return false;
    bool found = false;
    while (const dirent *entry = ::readdir(list))
        found |= std::string_view(entry->d_name).ends_with(".so");
    ::closedir(list);
    return found;
}

// In libexec/cr beside the directory of the running program, or where it is installed; empty when it is not there.
std::string host_path()
{
    std::string self = sys::readlink_at(AT_FDCWD, "/proc/self/exe").value_or("");
    for (const std::string &path : {cat(self.substr(0, self.rfind('/') + 1), "../libexec/cr/cr-plugin-host"),
                                    std::string(CR_PLUGIN_HOST)})
        if (::access(path.c_str(), X_OK) == 0)
            return path;
    return {};
}

[[noreturn]] void be_host(const std::string &path, int socket, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // What ends us, or our whole group, does not end it: it hears that the socket is closed, and plugins have to undo
    // what they did, such as pausing devices.
    ::setsid();
    // Our standard input and output may be the stream of a session, which has to end with us.
    int nothing = ::open("/dev/null", O_RDONLY);
    if (::getppid() == parent && ::fcntl(socket, F_SETFD, 0) == 0 && ::dup2(nothing, 0) == 0 && ::dup2(2, 1) == 1) {
        std::string number = cat(socket);
        ::execl(path.c_str(), "cr-plugin-host", number.c_str(), nullptr);
    }
    ::_exit(127);
}

void put(int socket, Message message, int fd)
{
    Envelope envelope(message);
    envelope.put(fd);
    sys::call(SYS_sendmsg, socket, envelope.header(), MSG_NOSIGNAL); // one that is gone is heard of by get()
}

// The size of what came: 0 when the other side is gone.
long get(int socket, Message &message, Fd &fd)
{
    Envelope envelope(message);
    long n = sys::call(SYS_recvmsg, socket, envelope.header(), MSG_CMSG_CLOEXEC);
    if (n > 0)
        fd = Fd(envelope.fd());
    message.text[sizeof message.text - 1] = 0;
    return n;
}

} // namespace

bool Answer::not_theirs() const { return result == -ENOTSUP; }

Plugins::Plugins(Fd socket, uint32_t hooks, std::chrono::seconds longest)
    : socket_(std::move(socket)), hooks_(hooks), longest_(longest)
{
}

Plugins::~Plugins() { kill(); }

void Plugins::kill()
{
    socket_.reset();
    hooks_ = 0;
    if (!host_ || ours_ != ::getpid()) // a fork of ours has it, too
        return;
    // By its pidfd: whoever waits for all our children may have heard of its end already.
    sys::pidfd_send_signal(pidfd_.get(), SIGKILL);
    constexpr int kPatience = 1000; // ms; a plugin may hang in a driver, where no signal ends it
    pollfd gone{pidfd_.get(), POLLIN, 0};
    while (sys::call(SYS_poll, &gone, 1, kPatience) == -EINTR)
        ;
    constexpr int kPidfd = 3; // P_PIDFD
    sys::call(SYS_waitid, kPidfd, pidfd_.get(), nullptr, WEXITED | WNOHANG, nullptr);
    if (!gone.revents)
        log::warning("the process that loads plugins, pid ", host_, ", does not end: one of them hangs in the kernel");
    pidfd_.reset();
    host_ = 0;
}

// As if we had been killed: the program hears that nobody is there any more, and ends by itself.
void Plugins::leave()
{
    sys::call(SYS_shutdown, socket_.get(), SHUT_RDWR); // for all who have it
    socket_.reset();
    pidfd_.reset();
    hooks_ = 0;
    host_ = 0;
}

void Plugins::start(const Settings &settings, Stage stage, int images, const std::vector<std::string> &needed)
{
    std::string dir = settings.dir.empty() ? kUsualDir : settings.dir;
    if (settings.must)
        sys::open_at(AT_FDCWD, dir.c_str(), O_RDONLY | O_DIRECTORY);
    if (!has_objects(dir)) {
        if (!needed.empty())
            refused(cat("the images need the plugin ", printable(needed.front()), ", and there is none in ", dir),
                    "give the directory of plugins by --libdir");
        return;
    }
    std::string path = host_path();
    if (path.empty()) {
        constexpr const char *kMissing = "the program that loads plugins, libexec/cr/cr-plugin-host, is not there";
        if (settings.must || !needed.empty())
            refused(kMissing, "install it with the tools");
        log::warning(kMissing, ": plugins in ", dir, " are not loaded");
        return;
    }
    longest_ = settings.longest;
    int pair[2];
    sys::check(sys::call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "make a socket for plugins");
    socket_ = Fd(pair[0]);
    Fd theirs(pair[1]);
    const pid_t parent = ::getpid();
    host_ = static_cast<pid_t>(sys::check(sys::fork_outside(settings.taken), "make a process for plugins"));
    if (host_ == 0)
        be_host(path, theirs.get(), parent);
    pidfd_ = Fd(static_cast<int>(sys::check(sys::pidfd_open(host_), "open a pidfd of the program that loads plugins")));
    ours_ = parent;
    theirs.reset();
    Message question{};
    for (const std::string &name : needed) {
        question.what = What::Need;
        name.copy(question.text, sizeof question.text - 1);
        ask(question, -1);
        question = {};
    }
    question.what = What::Load;
    question.stage = static_cast<uint32_t>(stage);
    question.a = settings.must;
    question.b = static_cast<int32_t>(settings.longest.count());
    dir.copy(question.text, sizeof question.text - 1);
    Message answer;
    ask(question, images, &answer);
    if (answer.a < 0)
        refused(cat("a plugin cannot be loaded: ", printable(answer.text)), cat("take it out of ", dir));
    hooks_ = answer.hooks;
    if (std::string missing = call_text(What::Left); !missing.empty())
        refused(cat("the images need the plugin ", printable(missing), ", which is not in ", dir),
                "give the directory of plugins by --libdir");
}

void Plugins::lost(const std::string &plugin, const Message &question, bool in_time)
{
    std::string who = plugin.empty() ? "the program that loads plugins" : cat("the plugin ", printable(plugin));
    std::string where = question.what == What::Run ? cat(" in ", kHookNames[static_cast<size_t>(question.hook)])
                        : question.what == What::Load ? " as it was loaded"
                                                      : "";
    sys::call(SYS_shutdown, socket_.get(), SHUT_RDWR); // for all who have it
    kill();
    constexpr const char *kAlways = "mend it, or take it out of the directory of plugins";
    if (in_time)
        failed_with(0, cat("go on: ", who, " has crashed", where), kAlways);
    failed_with(0, cat("go on: ", who, " has not answered for ", longest_.count(), " seconds", where),
                cat("give a longer --plugin-timeout, or ", kAlways));
}

Answer Plugins::ask(Message question, int fd, Message *whole)
{
    std::lock_guard lock(mutex_);
    if (signals_)
        signals_->check();
    question.number = sys::random_number();
    put(socket_.get(), question, fd);
    std::string plugin;
    const uint64_t end = monotonic_us() + static_cast<uint64_t>(longest_.count()) * 1'000'000;
    for (;;) {
        uint64_t now = monotonic_us();
        pollfd fds[] = {{socket_.get(), POLLIN, 0}, {signals_ ? signals_->fd() : -1, POLLIN, 0}};
        long ready = now < end ? sys::call(SYS_poll, fds, 2, static_cast<int>((end - now) / 1000 + 1)) : 0;
        if (ready == -EINTR)
            continue;
        if (ready > 0 && !fds[0].revents) {
            leave();
            signals_->check();
        }
        Message message{};
        Answer answer;
        if (ready <= 0 || get(socket_.get(), message, answer.fd) != static_cast<long>(sizeof message))
            lost(plugin, question, ready > 0);
        if (message.number != question.number)
            continue;
        if (message.what == What::Log) {
            log::write(static_cast<log::Level>(std::clamp<int>(message.a, log::kError, log::kDebug)),
                       cat(plugin, ": ", trim(message.text)));
        } else if (message.what == What::Now) {
            plugin = message.text;
        } else {
            answer.result = message.a;
            answer.b = message.b;
            answer.u = message.u[0];
            if (whole)
                *whole = message;
            if (question.what == What::Run && answer.result < 0 && !answer.not_theirs())
                // No error of a call of ours, by which a restore might be tried again.
                failed_with(0, cat("go on: the plugin ", printable(plugin), " failed in ",
                                   kHookNames[static_cast<size_t>(question.hook)], ": ", errno_text(-answer.result)));
            return answer;
        }
    }
}

Answer Plugins::run(Hook hook, int a, int fd, std::string_view text)
{
    if (!has(hook)) {
        Answer none;
        none.result = -ENOTSUP;
        return none;
    }
    Message question{};
    question.what = What::Run;
    question.hook = hook;
    question.a = a;
    text.copy(question.text, sizeof question.text - 1);
    return ask(question, fd);
}

std::string Plugins::call_text(What what)
{
    Message question{}, answer;
    question.what = what;
    ask(question, -1, &answer);
    return answer.text;
}

std::vector<std::string> Plugins::added()
{
    std::vector<std::string> out;
    if (any())
        for (std::string name; !(name = call_text(What::Add)).empty();)
            out.push_back(name);
    return out;
}

void Plugins::end(int result)
{
    if (!any())
        return;
    Message question{};
    question.what = What::End;
    question.a = result;
    try {
        ask(question, -1);
    } catch (const Error &error) { // nothing depends on it any more; who was told before knows it
        log::debug(error.what());
    }
    kill();
}

} // namespace cr::plugin
