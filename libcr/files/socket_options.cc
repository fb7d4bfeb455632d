#include "libcr/files/socket_options.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <climits>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

namespace cr::files
{

namespace
{

constexpr int kBufLock = 72; // SO_BUF_LOCK, Linux 5.14

using Entry = img::sk_opts_entry;

struct Number {
    int name;
    const char *text;
    uint32_t (Entry::*get)() const;
    void (Entry::*set)(uint32_t);
};
// In the order of setting.
constexpr Number kNumbers[] = {
    {SO_PRIORITY, "SO_PRIORITY", &Entry::so_priority, &Entry::set_so_priority},
    {SO_RCVLOWAT, "SO_RCVLOWAT", &Entry::so_rcvlowat, &Entry::set_so_rcvlowat},
    {SO_MARK, "SO_MARK", &Entry::so_mark, &Entry::set_so_mark},
    {SO_OOBINLINE, "SO_OOBINLINE", &Entry::so_oobinline, &Entry::set_so_oobinline},
};

struct Switch {
    int name;
    const char *text;
    bool (Entry::*get)() const;
    void (Entry::*set)(bool);
};
constexpr Switch kSwitches[] = {
    {SO_REUSEADDR, "SO_REUSEADDR", &Entry::reuseaddr, &Entry::set_reuseaddr},
    {SO_REUSEPORT, "SO_REUSEPORT", &Entry::so_reuseport, &Entry::set_so_reuseport},
    {SO_PASSCRED, "SO_PASSCRED", &Entry::so_passcred, &Entry::set_so_passcred},
    {SO_PASSSEC, "SO_PASSSEC", &Entry::so_passsec, &Entry::set_so_passsec},
    {SO_DONTROUTE, "SO_DONTROUTE", &Entry::so_dontroute, &Entry::set_so_dontroute},
    {SO_NO_CHECK, "SO_NO_CHECK", &Entry::so_no_check, &Entry::set_so_no_check},
    {SO_BROADCAST, "SO_BROADCAST", &Entry::so_broadcast, &Entry::set_so_broadcast},
    {SO_KEEPALIVE, "SO_KEEPALIVE", &Entry::so_keepalive, &Entry::set_so_keepalive},
};

long get(int fd, int name, void *to, socklen_t size)
{
    return sys::call(SYS_getsockopt, fd, SOL_SOCKET, name, to, &size);
}

long set(int fd, int name, const void *from, size_t size)
{
    return sys::call(SYS_setsockopt, fd, SOL_SOCKET, name, from, size);
}

void set_if_other(int fd, int name, const char *text, int value)
{
    int now = 0;
    if (get(fd, name, &now, sizeof now) < 0 || now != value)
        sys::check(set(fd, name, &value, sizeof value), [&] { return cat("set ", text); });
}

// The kernel tells twice the value that was set.
void set_buffer(int fd, int force, int plain, uint32_t as_read, const char *text)
{
    int now = socket_option(fd, plain),
        value = static_cast<int>(std::min<uint32_t>(as_read / 2, INT_MAX / 2));
    if (static_cast<uint32_t>(now) == as_read)
        return;
    long r = set(fd, force, &value, sizeof value);
    if (r == -EPERM)
        r = set(fd, plain, &value, sizeof value);
    sys::check(r, [&] { return cat("set ", text); });
}

void set_time(int fd, int name, const char *text, uint64_t sec, uint64_t usec)
{
    if (!sec && !usec)
        return;
    timeval value{static_cast<time_t>(sec), static_cast<suseconds_t>(std::min<uint64_t>(usec, 999999))};
    sys::check(set(fd, name, &value, sizeof value), [&] { return cat("set ", text); });
}

} // namespace

int socket_option(int fd, int name)
{
    int value = 0;
    sys::check(get(fd, name, &value, sizeof value), [&] { return cat("read socket option ", name); });
    return value;
}

void capture_buffer_sizes(int fd, Entry &to)
{
    to.set_so_sndbuf(static_cast<uint32_t>(socket_option(fd, SO_SNDBUF)));
    to.set_so_rcvbuf(static_cast<uint32_t>(socket_option(fd, SO_RCVBUF)));
}

void capture_options(int fd, Entry &to)
{
    timeval time{};
    sys::check(get(fd, SO_SNDTIMEO, &time, sizeof time), "read SO_SNDTIMEO");
    to.set_so_snd_tmo_sec(static_cast<uint64_t>(time.tv_sec));
    to.set_so_snd_tmo_usec(static_cast<uint64_t>(time.tv_usec));
    sys::check(get(fd, SO_RCVTIMEO, &time, sizeof time), "read SO_RCVTIMEO");
    to.set_so_rcv_tmo_sec(static_cast<uint64_t>(time.tv_sec));
    to.set_so_rcv_tmo_usec(static_cast<uint64_t>(time.tv_usec));
    int value = 0;
    for (const Number &option : kNumbers)
        if (get(fd, option.name, &value, sizeof value) == 0)
            (to.*option.set)(static_cast<uint32_t>(value));
    for (const Switch &option : kSwitches)
        if (get(fd, option.name, &value, sizeof value) == 0)
            (to.*option.set)(value != 0);
    linger linger{};
    if (get(fd, SO_LINGER, &linger, sizeof linger) == 0 && linger.l_onoff)
        to.set_so_linger(static_cast<uint32_t>(linger.l_linger));
    char device[32] = "";
    if (get(fd, SO_BINDTODEVICE, device, sizeof device) == 0 && *device)
        to.set_so_bound_dev(device);
    if (get(fd, kBufLock, &value, sizeof value) == 0)
        to.set_so_buf_lock(static_cast<uint32_t>(value));
}

void apply_options(int fd, const Entry &from)
{
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, from.so_sndbuf(), "SO_SNDBUF");
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, from.so_rcvbuf(), "SO_RCVBUF");
    if (from.has_so_buf_lock())
        set_if_other(fd, kBufLock, "SO_BUF_LOCK", static_cast<int>(from.so_buf_lock()));
    set_time(fd, SO_SNDTIMEO, "SO_SNDTIMEO", from.so_snd_tmo_sec(), from.so_snd_tmo_usec());
    set_time(fd, SO_RCVTIMEO, "SO_RCVTIMEO", from.so_rcv_tmo_sec(), from.so_rcv_tmo_usec());
    for (const Number &option : kNumbers)
        if (uint32_t value = (from.*option.get)())
            set_if_other(fd, option.name, option.text, static_cast<int>(value));
    for (const Switch &option : kSwitches)
        if ((from.*option.get)())
            set_if_other(fd, option.name, option.text, 1);
    if (from.has_so_linger()) {
        linger linger{1, static_cast<int>(from.so_linger())};
        sys::check(set(fd, SO_LINGER, &linger, sizeof linger), "set SO_LINGER");
    }
    if (!from.so_bound_dev().empty())
        sys::check(set(fd, SO_BINDTODEVICE, from.so_bound_dev().c_str(), from.so_bound_dev().size() + 1),
                   "set SO_BINDTODEVICE");
}

int widen_send_buffer(int fd, uint64_t bytes)
{
    int now = socket_option(fd, SO_SNDBUF);
    // Each packet costs more than its bytes.
    int value = static_cast<int>(std::min<uint64_t>(4 * bytes + (1 << 20), INT_MAX / 2));
    if (value > now)
        set(fd, SO_SNDBUFFORCE, &value, sizeof value);
    return now;
}

void set_send_buffer(int fd, int as_read)
{
    int value = as_read / 2;
    if (set(fd, SO_SNDBUFFORCE, &value, sizeof value) < 0)
        set(fd, SO_SNDBUF, &value, sizeof value);
}

} // namespace cr::files
