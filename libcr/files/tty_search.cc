#include "libcr/files/tty.h"

#include "libcr/base/text.h"
#include "libcr/sys/descriptor.h"

#include <algorithm>
#include <asm/termbits.h>
#include <cerrno>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

namespace cr::files
{

namespace
{

constexpr unsigned kMasters = 128, kSlaves = 136, kMajors = 8, kAuxiliary = 5; // majors
constexpr unsigned kSerialMinor = 64;
constexpr unsigned long kGetDevice = 0x80045432; // TIOCGDEV

// "tty[8803:18]" permits it: device and file system in hexadecimal.
bool is_external(const Facts &f, const DumpOptions &options)
{
    std::string key = cat("tty[", hex(f.st.st_rdev), ":", hex(f.st.st_dev), "]");
    return std::find(options.external.begin(), options.external.end(), key) != options.external.end();
}

} // namespace

img::TtyType tty_type(dev_t rdev)
{
    unsigned kind = major(rdev), number = minor(rdev);
    if ((kind >= kMasters && kind < kSlaves + kMajors) || (kind == kAuxiliary && number == 2))
        return img::PTY;
    if (kind == kAuxiliary && number == 0)
        return img::CTTY;
    if (kind == kAuxiliary && number == 1)
        return img::CONSOLE;
    if (kind == 4)
        return number < kSerialMinor ? img::VT : img::SERIAL;
    return kind == 188 || kind == 204 ? img::SERIAL : img::UNKNOWN;
}

bool is_pty_master(dev_t rdev)
{
    unsigned kind = major(rdev);
    return (kind == kAuxiliary && minor(rdev) == 2) || (kind >= kMasters && kind < kSlaves);
}

std::optional<uint32_t> pts_index(dev_t rdev)
{
    unsigned kind = major(rdev);
    if (kind < kSlaves || kind >= kSlaves + kMajors)
        return std::nullopt;
    return (kind - kSlaves) * 256 + minor(rdev);
}

Terminal terminal_of(dev_t rdev, int fd)
{
    Terminal out;
    out.type = tty_type(rdev);
    out.master = is_pty_master(rdev);
    struct termios modes;
    out.hung_up = sys::try_ioctl(fd, TCGETS, &modes) == -EIO;
    unsigned number = 0;
    if (out.master) {
        if (sys::try_ioctl(fd, TIOCGPTN, &number) == 0)
            out.index = number;
    } else if (out.type == img::CTTY) {
        if (sys::try_ioctl(fd, kGetDevice, &number) == 0)
            out.index = pts_index(number);
    } else {
        out.index = pts_index(rdev);
    }
    return out;
}

void TerminalSearch::add(const Facts &facts, int pidfd)
{
    if (facts.info.flags & O_PATH)
        return;
    Fd copy = take_copy(pidfd, facts.fd);
    Terminal terminal = terminal_of(facts.st.st_rdev, copy.get());
    if (terminal.master && terminal.index)
        masters_.insert(*terminal.index);
    else if (!terminal.hung_up)
        slaves_.push_back({facts, terminal});
}

void TerminalSearch::finish(const DumpOptions &options, std::vector<Blocker> &out) const
{
    if (options.shell_job)
        return;
    for (const Slave &slave : slaves_) {
        if (slave.terminal.type == img::CONSOLE || slave.terminal.type == img::SERIAL ||
            (slave.terminal.index && masters_.count(*slave.terminal.index)) ||
            is_external(slave.facts, options))
            continue;
        out.push_back(blocker_of(
            slave.facts, "it is a terminal that belongs to somebody else",
            "use --shell-job (-j), and restore from a terminal with --shell-job, or start the program with "
            "its input and output redirected (setsid PROGRAM < /dev/null > FILE 2>&1)"));
    }
}

bool is_master(const img::tty_info_entry &info)
{
    return info.type() == img::PTY && is_pty_master(info.rdev());
}

bool is_hung_up(const img::tty_info_entry &info)
{
    return info.type() == img::PTY && !is_master(info) && !info.has_termios();
}

std::optional<uint32_t> pair_of(const img::file_entry &entry, const img::tty_info_entry &info)
{
    if (!entry.has_tty() || is_hung_up(info))
        return std::nullopt;
    if (info.type() == img::PTY && info.has_pty())
        return info.pty().index();
    if (info.type() == img::CTTY && info.has_cr_pty_index())
        return info.cr_pty_index();
    return std::nullopt;
}

} // namespace cr::files
