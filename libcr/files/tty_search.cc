#include "libcr/files/tty.h"

#include "libcr/base/text.h"
#include "libcr/files/external.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <asm/termbits.h>
#include <cerrno>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

namespace cr::files
{

namespace
{

constexpr unsigned kMasters = 128, kSlaves = 136, kMajors = 8, kAuxiliary = 5; // majors
constexpr unsigned kSerialMinor = 64;
constexpr unsigned long kGetDevice = 0x80045432; // TIOCGDEV

// A master that was opened as /dev/ptmx is in the file system of that name. The slave, of which no more than
// a path is opened (opening and closing it would be a hang-up), is in the instance.
uint32_t instance_of(int master, dev_t dev)
{
    long r = sys::call(SYS_ioctl, master, TIOCGPTPEER, long{O_PATH | O_CLOEXEC});
    Fd slave(r < 0 ? -1 : static_cast<int>(r)); // a kernel before 4.13
    return devpts_instance(slave ? sys::stat_of(slave.get(), "a terminal").st_dev : dev);
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

std::string terminal_key(dev_t rdev, dev_t dev) { return cat("tty[", hex(rdev), ":", hex(dev), "]"); }

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

uint32_t devpts_instance(dev_t dev)
{
    auto usual = sys::stat_at(AT_FDCWD, "/dev/pts/.");
    return usual && usual->st_dev == dev ? 0 : minor(dev);
}

Terminal terminal_of(const struct stat &st, int fd)
{
    Terminal out;
    out.type = tty_type(st.st_rdev);
    out.master = is_pty_master(st.st_rdev);
    out.real = st.st_rdev;
    struct termios modes;
    out.hung_up = sys::try_ioctl(fd, TCGETS, &modes) == -EIO;
    unsigned number = 0;
    if (out.master) {
        if (sys::try_ioctl(fd, TIOCGPTN, &number) == 0)
            out.pty = {instance_of(fd, st.st_dev), number};
        return out;
    }
    if (out.type == img::CTTY && sys::try_ioctl(fd, kGetDevice, &number) == 0)
        out.real = number;
    if (auto index = pts_index(out.real))
        out.pty = {out.type == img::CTTY ? 0 : devpts_instance(st.st_dev), *index};
    return out;
}

void TerminalSearch::add(const Facts &facts, int pidfd)
{
    if (facts.info.flags & O_PATH)
        return;
    Fd copy = take_copy(pidfd, facts.fd);
    Terminal terminal = terminal_of(facts.st, copy.get());
    if (terminal.master && terminal.pty)
        masters_.insert(*terminal.pty);
    else if (!terminal.hung_up)
        slaves_.push_back({facts, terminal});
}

// A descriptor of /dev/tty does not tell the instance.
bool TerminalSearch::has_master(const Terminal &terminal) const
{
    if (!terminal.pty)
        return false;
    auto is_its = [&](const PtyId &master) { return master.index == terminal.pty->index; };
    return terminal.type == img::CTTY ? std::any_of(masters_.begin(), masters_.end(), is_its)
                                      : masters_.count(*terminal.pty) != 0;
}

void TerminalSearch::finish(const DumpOptions &options, std::vector<Blocker> &out) const
{
    const Slave *first = nullptr;
    for (const Slave &slave : slaves_) {
        const Terminal &terminal = slave.terminal;
        std::string key = terminal_key(slave.facts.st.st_rdev, slave.facts.st.st_dev);
        if (has_master(terminal) || is_external(key, options) || is_of_machine(tty_type(terminal.real)))
            continue;
        if (!options.shell_job && !options.orphan_pts_master) {
            out.push_back(blocker_of(
                slave.facts, "it is a terminal that belongs to somebody else",
                "use --shell-job (-j), and restore from a terminal or with --stdio, or start the program with "
                "its input and output redirected (setsid PROGRAM < /dev/null > FILE 2>&1)"));
            continue;
        }
        if (first && first->terminal.real != terminal.real)
            out.push_back(blocker_of(
                slave.facts, cat("it is a second terminal, after ", printable(first->facts.link)),
                "only one terminal can be given back on restore: redirect the other one's descriptors"));
        first = first ? first : &slave;
    }
}

bool is_master(const img::tty_info_entry &info)
{
    return info.type() == img::PTY && is_pty_master(info.rdev());
}

bool is_hung_up(const img::tty_info_entry &info)
{
    return !is_master(info) && !info.has_termios();
}

bool is_of_machine(img::TtyType type)
{
    return type == img::CONSOLE || type == img::VT || type == img::SERIAL;
}

bool is_of_machine(const img::tty_info_entry &info) { return is_of_machine(info.type()); }

std::optional<PtyId> pty_of(const img::tty_info_entry &info)
{
    if (is_hung_up(info))
        return std::nullopt;
    if (info.type() == img::PTY && info.has_pty())
        return PtyId{info.cr_instance(), info.pty().index()};
    if (info.type() == img::CTTY && info.has_cr_pty_index())
        return PtyId{info.cr_instance(), info.cr_pty_index()};
    return std::nullopt;
}

void nobody(img::fown_entry &owner)
{
    for (auto set : {&img::fown_entry::set_uid, &img::fown_entry::set_euid, &img::fown_entry::set_signum,
                     &img::fown_entry::set_pid_type, &img::fown_entry::set_pid})
        (owner.*set)(0);
}

} // namespace cr::files
