// timerfd: clock, interval, time left, and expirations not read yet, told by fdinfo in one piece.
//
// A periodic timer that expired and was not read stands still until somebody looks (its time left is told as
// 0 then); timerfd_gettime is such a look, after which the expirations are counted and the rest is there. It
// changes nothing that a reader could tell.
//
// An absolute timer is told as the time left, too. On CLOCK_REALTIME the deadline is what its owner meant, so
// that is recorded as well and kept even when it passes between dump and restore. The other clocks count from
// boot and have no meaning elsewhere: there the time left counts, and the deadline is made from it.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/tree.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"

#include <ctime>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

namespace cr::files
{

namespace
{

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMaxSeconds = INT64_MAX / kSecond; // the kernel's times are 64-bit nanoseconds
constexpr unsigned long kSetTicks = 0x40085400;       // TFD_IOC_SET_TICKS

bool claims(const Facts &f) { return f.is_anon("timerfd"); }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

struct Time {
    uint64_t sec = 0, nsec = 0;
    bool zero() const { return !sec && !nsec; }
};

// "(1, 250000000)"
Time time_field(const proc::FdInfo &info, std::string_view key)
{
    std::string_view text = info.field(key).value_or("");
    if (text.size() < 2 || text.front() != '(' || text.back() != ')')
        failed_with(0, cat("understand fdinfo: ", key, " is ", printable(text)));
    text = text.substr(1, text.size() - 2);
    auto sec = parse_int<uint64_t>(trim(take_until(text, ',')));
    auto nsec = parse_int<uint64_t>(trim(text));
    if (!sec || !nsec)
        failed_with(0, cat("understand fdinfo: ", key));
    return {*sec, *nsec};
}

bool is_realtime(uint64_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM; }

uint64_t now(clockid_t clock)
{
    timespec t{};
    sys::check(sys::call(SYS_clock_gettime, clock, &t), "read a clock");
    return static_cast<uint64_t>(t.tv_sec) * kSecond + static_cast<uint64_t>(t.tv_nsec);
}

bool is_deadline(const proc::FdInfo &info)
{
    return is_realtime(info.number("clockid")) && info.number("settime flags", 8) & TFD_TIMER_ABSTIME;
}

// The fdinfo of the timer, after the look described above where one is needed, and the real time when it was
// read.
proc::FdInfo settled(Capture &c, uint64_t &read_at)
{
    proc::FdInfo info = c.facts().info;
    TaskFiles task(c.facts().pid);
    for (int look = 0; look < 8; look++) {
        if (!time_field(info, "it_value").zero() || time_field(info, "it_interval").zero() ||
            info.number("ticks") == 0)
            break;
        Fd copy = c.tree.take(c.facts());
        itimerspec ignored;
        sys::check(sys::call(SYS_timerfd_gettime, copy.get(), &ignored), "look at a timer");
        info = task.all_facts(c.facts().fd).value().info;
    }
    if (is_deadline(info)) {
        read_at = now(CLOCK_REALTIME);
        info = task.all_facts(c.facts().fd).value().info;
    }
    return info;
}

void capture(Capture &c)
{
    uint64_t read_at = 0;
    proc::FdInfo info = settled(c, read_at);
    Time left = time_field(info, "it_value"), interval = time_field(info, "it_interval");
    img::timerfd_entry &tfd = *c.entry().mutable_tfd();
    tfd.set_id(c.id());
    tfd.set_flags(c.flags());
    tfd.set_clockid(static_cast<uint32_t>(info.number("clockid")));
    tfd.set_ticks(info.number("ticks"));
    tfd.set_settime_flags(static_cast<uint32_t>(info.number("settime flags", 8)));
    tfd.set_vsec(left.sec);
    tfd.set_vnsec(left.nsec);
    tfd.set_isec(interval.sec);
    tfd.set_insec(interval.nsec);
    if (read_at && !left.zero())
        tfd.set_cr_deadline(read_at + left.sec * kSecond + left.nsec);
    c.owner(*tfd.mutable_fown());
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.tfd().flags(), &entry.tfd().fown()};
}

void check(const img::file_entry &entry, const Plan &)
{
    if (!entry.has_tfd())
        bad_image("a timerfd without its part");
    const img::timerfd_entry &tfd = entry.tfd();
    if (tfd.vnsec() >= kSecond || tfd.insec() >= kSecond || tfd.vsec() > kMaxSeconds ||
        tfd.isec() > kMaxSeconds)
        bad_image("a timerfd with an impossible time");
    if (tfd.settime_flags() & ~uint32_t{TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET})
        bad_image(cat("a timerfd with unknown flags ", tfd.settime_flags()));
}

timespec spec(uint64_t ns) { return {static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond)}; }

// What timerfd_settime wants so that the timer goes on.
itimerspec setting(const img::timerfd_entry &tfd)
{
    uint64_t left = tfd.vsec() * kSecond + tfd.vnsec();
    itimerspec out{};
    out.it_interval = spec(tfd.isec() * kSecond + tfd.insec());
    if (!left && tfd.ticks() && (tfd.isec() || tfd.insec()))
        left = 1; // expired and standing still
    if (!left)
        return out;
    if (!(tfd.settime_flags() & TFD_TIMER_ABSTIME))
        out.it_value = spec(left);
    else if (tfd.has_cr_deadline() && is_realtime(tfd.clockid()))
        out.it_value = spec(std::max<uint64_t>(tfd.cr_deadline() % (uint64_t{1} << 63), 1));
    else
        out.it_value = spec(now(static_cast<clockid_t>(tfd.clockid())) + left);
    return out;
}

void open(const img::file_entry &entry, Opener &opener)
{
    const img::timerfd_entry &tfd = entry.tfd();
    long made = sys::call(SYS_timerfd_create, tfd.clockid(), TFD_CLOEXEC);
    Fd fd(static_cast<int>(sys::check(made, "make a timerfd")));
    itimerspec spec = setting(tfd);
    sys::check(sys::call(SYS_timerfd_settime, fd.get(), tfd.settime_flags(), &spec, nullptr),
               "set the timer");
    if (uint64_t ticks = tfd.ticks()) {
        if (spec.it_value.tv_sec == 0 && spec.it_value.tv_nsec == 1) {
            // Its own expiration is one of the ticks: it must have happened before they are set.
            pollfd poll{fd.get(), POLLIN, 0};
            sys::check(sys::call(SYS_poll, &poll, 1, 1000), "wait for a timer");
        }
        sys::check(sys::try_ioctl(fd.get(), kSetTicks, &ticks), "set the expirations of a timer");
    }
    opener.place(entry, std::move(fd));
}

} // namespace

const Kind kTimerfd = {
    .name = "timerfd",
    .type = img::TIMERFD,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .common = common,
    .check = check,
    .open = open,
    .kept = "clock, interval, time left, unread expirations",
    .lost = [] { return std::string("whether the clock was set since (TFD_TIMER_CANCEL_ON_SET)"); },
};

} // namespace cr::files
