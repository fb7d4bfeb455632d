#include "libcr/feature/trial.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/process.h"
#include "libcr/sys/ptrace.h"

#include <csignal>
#include <cstring>
#include <linux/netlink.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cr::feature
{

namespace
{

constexpr unsigned kChildSeconds = 5;

// A child must not outlive us, nor its own seconds; what it was started with is blocked or ignored in it no
// longer.
pid_t start_child(void (*body)(void *), void *argument)
{
    long child = sys::call(SYS_fork);
    if (child != 0)
        return static_cast<pid_t>(child);
    sys::call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    std::signal(SIGALRM, SIG_DFL);
    uint64_t none = 0;
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, 8);
    ::alarm(kChildSeconds);
    body(argument);
    ::_exit(0);
}

struct Answer {
    long (*trial)();
    int to;
};

} // namespace

std::string text_of(const char *path)
{
    long fd = sys::try_open_at(AT_FDCWD, path, O_RDONLY);
    if (fd < 0)
        return {};
    Fd file(static_cast<int>(fd));
    std::string text(65536, '\0');
    size_t have = 0;
    while (have < text.size()) {
        long n = sys::call(SYS_read, file.get(), text.data() + have, text.size() - have);
        if (n <= 0)
            break;
        have += static_cast<size_t>(n);
    }
    text.resize(have);
    return text;
}

long has_words(const char *path, std::string_view words)
{
    return text_of(path).find(words) == std::string::npos ? -ENOENT : 0;
}

std::string fdinfo_of(int fd) { return text_of(cat("/proc/self/fdinfo/", fd).c_str()); }

long in_child(long (*trial)())
{
    int ends[2];
    long r = sys::call(SYS_pipe2, ends, O_CLOEXEC);
    if (r < 0)
        return r;
    Fd from(ends[0]), to(ends[1]);
    Answer answer{trial, to.get()};
    pid_t child = start_child(
        [](void *argument) {
            const Answer &wanted = *static_cast<Answer *>(argument);
            long result = wanted.trial();
            sys::call(SYS_write, wanted.to, &result, sizeof result);
        },
        &answer);
    if (child < 0)
        return child;
    to.reset();
    long result = -EFAULT;
    if (sys::call(SYS_read, from.get(), &result, sizeof result) != sizeof result)
        result = -EFAULT;
    sys::WaitStatus status;
    sys::wait_for(child, status, 0);
    return result;
}

long on_traced_child(long (*look)(pid_t child), long (*prepare)(), uint64_t options)
{
    pid_t child = start_child(
        [](void *argument) {
            auto run = *static_cast<long (**)()>(argument);
            if (run)
                run();
            sys::call(SYS_kill, sys::call(SYS_getpid), SIGSTOP);
        },
        &prepare);
    if (child < 0)
        return child;
    sys::WaitStatus status;
    long result = sys::wait_for(child, status, WUNTRACED);
    if (result > 0)
        result = status.stopped() ? sys::ptrace::seize(child, options) : -EFAULT;
    // Stopped already, and now traced: the stop is reported once more, to the tracer.
    if (result >= 0)
        result = sys::wait_for(child, status, WUNTRACED);
    if (result > 0)
        result = status.stopped() ? look(child) : -EFAULT;
    if (sys::call(SYS_kill, child, SIGKILL) < 0) // or we would wait for its end in vain
        ::kill(child, SIGKILL);
    do
        if (sys::wait_for(child, status, 0) < 0)
            break;
    while (!status.gone());
    return result;
}

Fd socket_of(int family, int type, int protocol)
{
    long fd = sys::call(SYS_socket, family, type | SOCK_CLOEXEC, protocol);
    return fd < 0 ? Fd() : Fd(static_cast<int>(fd));
}

long ask_netlink(int protocol, uint16_t type, uint16_t flags, const void *payload, size_t size)
{
    Fd socket = socket_of(AF_NETLINK, SOCK_RAW, protocol);
    if (!socket)
        return -EPROTONOSUPPORT;
    timeval limit{2, 0};
    sys::call(SYS_setsockopt, socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    alignas(nlmsghdr) char buffer[8192] = {};
    nlmsghdr header{};
    header.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(size));
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    memcpy(buffer, &header, sizeof header);
    memcpy(buffer + NLMSG_HDRLEN, payload, size);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    long r = sys::call(SYS_sendto, socket.get(), buffer, header.nlmsg_len, 0, &kernel, sizeof kernel);
    if (r < 0)
        return r;
    long n = sys::call(SYS_recvfrom, socket.get(), buffer, sizeof buffer, 0, nullptr, nullptr);
    if (n < static_cast<long>(sizeof header))
        return n < 0 ? n : -EPROTO;
    memcpy(&header, buffer, sizeof header);
    if (header.nlmsg_type != NLMSG_ERROR)
        return 0;
    nlmsgerr error;
    memcpy(&error, buffer + NLMSG_HDRLEN, sizeof error);
    return error.error;
}

} // namespace cr::feature
