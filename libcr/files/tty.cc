// The kind of all terminals. What their sorts are, and how pseudo terminals are made again: tty.h, pty.h.
//
// Somebody else's terminal is not saved. With --shell-job its descriptors are given, on restore, the terminal
// from which the restore is called; its modes (a full-screen program's raw mode) are set again, and the group
// that was in the foreground is put there when our own is. Each description is opened anew through the
// caller's descriptor, so that flags stay apart; /dev/tty by name. One such terminal at most: there is only
// one to be given back. The console and serial lines are devices of the machine, opened by their names.
//
// Which session a pseudo terminal controls and which group is in its foreground, the master tells; the leader
// of the session takes it in its own program (session_tty.h). /dev/tty in such a session becomes another
// description of the terminal that it led to.
//
// Image: the entry of type TTY names a tty_info_entry (tty-info.img), one for each side of a pair with CRIU's
// number (twice the index, and 1 for the master), and a regular-file entry with its name.
#include "libcr/files/tty.h"
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/pty.h"
#include "libcr/files/reg.h"
#include "libcr/files/termios_entry.h"
#include "libcr/files/tree.h"
#include "libcr/files/tty_capture.h"
#include "libcr/files/tty_queues.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <csignal>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr int kModes = 19;                           // NCCS of the kernel

bool claims(const Facts &f)
{
    return S_ISCHR(f.st.st_mode) && tty_type(f.st.st_rdev) != img::UNKNOWN && !f.is_path_only();
}

// Whose a terminal is only the whole tree tells: TerminalSearch.
std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

void capture(Capture &c)
{
    img::file_entry name;
    name.set_type(img::REG);
    name.set_id(c.tree.new_id());
    fill_reg(*name.mutable_reg(), name.id(), c.facts());
    name.mutable_reg()->set_name(c.facts().link);
    c.owner(*name.mutable_reg()->mutable_fown());
    img::tty_file_entry &tty = *c.entry().mutable_tty();
    tty.set_id(c.id());
    tty.set_flags(c.flags());
    tty.set_regf_id(name.id());
    tty.set_tty_info_id(0); // finish() counts them
    c.owner(*tty.mutable_fown());
    c.tree.add_entry(std::move(name));
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.tty().flags(), &entry.tty().fown()};
}

std::string name_of(const img::file_entry &entry, const Plan &plan)
{
    const img::file_entry *name =
        entry.tty().has_regf_id() ? plan.find(img::REG, entry.tty().regf_id()) : nullptr;
    return name && name->has_reg() ? name->reg().name() : "";
}

void check(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_tty())
        bad_image("a terminal without its part");
    const TerminalPlan &terminals = plan.terminals();
    const img::tty_info_entry &info = terminals.info(entry);
    if (info.has_termios() && info.termios().c_cc_size() != kModes)
        bad_image(cat("terminal ", info.id(), " has ", info.termios().c_cc_size(), " control characters"));
    if (terminals.pty(entry) || terminals.replaced(entry))
        return;
    if (!terminals.is_outside(entry)) {
        bool has_name = is_hung_up(info) || plan.inherits(terminal_key(info.rdev(), info.dev())) ||
                        name_of(entry, plan).starts_with('/');
        return has_name ? void() : bad_image(cat("terminal ", info.id(), " has no name"));
    }
    if (terminals.callers().empty())
        refused("the tree needs a terminal, and there is none here",
                "restore it from a terminal, or say what shall stand for it: --stdio null, --stdio inherit or "
                "--stdio FILE");
}

// A terminal of this machine, by its name. That of a serial line is not waited for (O_NONBLOCK).
Fd open_machines(const img::tty_info_entry &info, const std::string &name, int flags)
{
    auto st = sys::stat_at(AT_FDCWD, name.c_str());
    if (!st || !S_ISCHR(st->st_mode) || tty_type(st->st_rdev) != info.type())
        refused(cat(printable(name), " is no such terminal here"));
    return sys::open_at(AT_FDCWD, name.c_str(), flags | O_NONBLOCK);
}

// What stands for a terminal that is gone.
Fd open_instead(const img::file_entry &entry, int number, const std::string &stdio)
{
    int flags = static_cast<int>(entry.tty().flags());
    if (stdio == "inherit")
        return Fd(static_cast<int>(sys::check(sys::try_fcntl(number, F_DUPFD_CLOEXEC), "use our descriptor")));
    bool is_file = stdio != "null" && number != 0;
    return sys::open_at(AT_FDCWD, is_file ? stdio.c_str() : "/dev/null",
                        is_file ? flags | O_CREAT | O_NOCTTY : flags, 0666);
}

void open(const img::file_entry &entry, Opener &opener)
{
    if (opener.is_made(entry))
        return;
    const Plan &plan = opener.plan;
    const img::tty_file_entry &tty = entry.tty();
    const img::tty_info_entry &info = plan.terminals().info(entry);
    if (auto number = plan.terminals().replaced(entry))
        return opener.place(entry, open_instead(entry, *number, plan.options().stdio));
    if (auto pty = plan.terminals().pty(entry))
        return place_pair(*pty, opener);
    if (is_hung_up(info))
        return place_hung_up(entry, opener);
    int flags = static_cast<int>(tty.flags() & ~(O_CREAT | O_EXCL | O_TRUNC)) | O_NOCTTY;
    if (Fd given = plan.inherit(terminal_key(info.rdev(), info.dev()), tty.flags() | O_NOCTTY))
        return opener.place(entry, std::move(given));
    if (!plan.terminals().is_outside(entry))
        return opener.place(entry, open_machines(info, name_of(entry, plan), flags));
    if (info.type() == img::CTTY) {
        long r = sys::try_open_at(AT_FDCWD, "/dev/tty", flags);
        if (r >= 0)
            return opener.place(entry, Fd(static_cast<int>(r)));
    }
    opener.place(entry, sys::open_at(AT_FDCWD, plan.terminals().callers().c_str(), flags));
}

// The size is that of the one that is there, but for a line that has none of its own.
void set_modes(int fd, const img::tty_info_entry &info)
{
    struct termios modes = to_kernel(info.termios());
    sys::check(sys::try_ioctl(fd, TCSETS, &modes), "set the terminal's modes");
    if (info.type() != img::SERIAL || !info.has_winsize())
        return;
    struct winsize size = to_kernel(info.winsize());
    sys::check(sys::try_ioctl(fd, TIOCSWINSZ, &size), "set the terminal's size");
}

// Once for each terminal; without SIGTTOU, should we be in the background.
void arm(const img::file_entry &entry, Opener &opener)
{
    const TerminalPlan &terminals = opener.plan.terminals();
    const img::tty_info_entry &info = terminals.info(entry);
    if (auto pty = terminals.pty(entry)) {
        if (opener.first_of("pty", terminals.first_id(*pty)))
            settle_pair(*pty, opener);
        return;
    }
    if (terminals.replaced(entry) || !info.has_termios() || !opener.first_of("tty", info.id()))
        return;
    std::signal(SIGTTOU, SIG_IGN);
    set_modes(opener.plan.number(entry), info);
}

// Our group gives the foreground to the one that had it. When we do not have it ourselves, the shell decides.
void after_tasks(const img::file_entry &entry, Opener &opener)
{
    const TerminalPlan &terminals = opener.plan.terminals();
    if (terminals.pty(entry) || terminals.replaced(entry))
        return; // its session's leader does it
    const img::tty_info_entry &info = terminals.info(entry);
    int fd = opener.plan.number(entry), now = 0, wanted = static_cast<int>(info.pgrp());
    if (wanted > 0 && sys::try_ioctl(fd, TIOCGPGRP, &now) == 0 && now == sys::call(SYS_getpgid, 0))
        sys::try_ioctl(fd, TIOCSPGRP, &wanted); // a group that is not there any more is no error
}

std::string waiting_lost()
{
    return TtyQueues().there()
               ? ""
               : "unread input and output: they need CAP_BPF and type information of the kernel";
}

} // namespace

const Kind kTty = {
    .name = "terminal",
    .type = img::TTY,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = capture_terminals,
    .common = common,
    .check = check,
    .open = open,
    .arm = arm,
    .after_tasks = after_tasks,
    .kept = "modes, size, unread input and output, session, foreground group",
    .lost = waiting_lost,
};

} // namespace cr::files
