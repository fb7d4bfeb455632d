// A terminal that belongs to somebody else: a shell, whose job the tree is. It is not saved. With --shell-job
// its descriptors are given, on restore, the terminal from which the restore is called; its modes (a
// full-screen program's raw mode) are set again, and the group that was in the foreground is put there when
// our own is.
//
// Each description is opened anew through the caller's descriptor, so that flags stay apart; /dev/tty by
// name. One terminal at most: there is only one to be given back. Masters (/dev/ptmx) are not supported yet.
//
// Image: the entry of type TTY names a tty_info_entry (tty-info.img) and a regular-file entry with its name.
#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/reg.h"
#include "libcr/files/tree.h"
#include "libcr/image/writer.h"
#include "libcr/proc/stat.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <asm/termbits.h>
#include <csignal>
#include <cstring>
#include <map>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

namespace cr::files
{

namespace
{

constexpr unsigned long kGetLocked = 0x5456;        // TIOCGLCKTRMIOS
constexpr unsigned long kGetExclusive = 0x80045440; // TIOCGEXCL
constexpr int kModes = 19;                          // NCCS of the kernel

img::TtyType type_of(dev_t rdev)
{
    unsigned kind = major(rdev);
    if (kind >= 136 && kind <= 143)
        return img::PTY;
    if (kind == 5 && minor(rdev) == 0)
        return img::CTTY;
    if (kind == 5 && minor(rdev) == 1)
        return img::CONSOLE;
    return kind == 4 ? img::VT : img::UNKNOWN;
}

bool claims(const Facts &f) { return S_ISCHR(f.st.st_mode) && type_of(f.st.st_rdev) != img::UNKNOWN; }

std::optional<Blocker> blocker(const Facts &f, const DumpOptions &options)
{
    if (options.shell_job)
        return std::nullopt;
    return blocker_of(
        f, "it is a terminal that belongs to somebody else",
        "use --shell-job (-j), and restore from a terminal with --shell-job, or start the program with its "
        "input and output redirected (setsid PROGRAM < /dev/null > FILE 2>&1)");
}

void capture(Capture &c)
{
    img::file_entry name;
    name.set_type(img::REG);
    name.set_id(c.tree.new_id());
    fill_reg(*name.mutable_reg(), name.id(), c.facts(), -1, false);
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

void to_image(const struct termios &from, img::termios_entry &to)
{
    to.set_c_iflag(from.c_iflag);
    to.set_c_oflag(from.c_oflag);
    to.set_c_cflag(from.c_cflag);
    to.set_c_lflag(from.c_lflag);
    to.set_c_line(from.c_line);
    to.set_c_ispeed(from.c_cflag & CBAUD);
    to.set_c_ospeed(from.c_cflag & CBAUD);
    for (unsigned char c : from.c_cc)
        to.add_c_cc(c);
}

img::tty_info_entry info_of(Tree &tree, const Description &description, uint32_t id)
{
    const struct stat &st = description.facts.st;
    img::tty_info_entry info;
    info.set_id(id);
    info.set_type(type_of(st.st_rdev));
    info.set_locked(false);
    info.set_packet_mode(false);
    info.set_rdev(static_cast<uint32_t>(st.st_rdev));
    info.set_dev(static_cast<uint32_t>(st.st_dev));
    info.set_uid(st.st_uid);
    info.set_gid(st.st_gid);
    if (info.type() == img::PTY)
        info.mutable_pty()->set_index((major(st.st_rdev) - 136) * 256 + minor(st.st_rdev));

    proc::Stat stat = proc::parse_stat(proc::PidDir(description.facts.pid).read("stat"));
    bool controls = stat.tty_nr == static_cast<int>(st.st_rdev) || info.type() == img::CTTY;
    info.set_sid(controls ? static_cast<uint32_t>(stat.session) : 0);
    info.set_pgrp(controls && stat.tpgid > 0 ? static_cast<uint32_t>(stat.tpgid) : 0);

    // A terminal that hung up answers none of these.
    Fd copy = tree.take(description.facts);
    struct termios modes, locked;
    struct winsize size;
    int exclusive = 0;
    if (sys::try_ioctl(copy.get(), TCGETS, &modes) == 0)
        to_image(modes, *info.mutable_termios());
    if (sys::try_ioctl(copy.get(), kGetLocked, &locked) == 0)
        to_image(locked, *info.mutable_termios_locked());
    if (sys::try_ioctl(copy.get(), TIOCGWINSZ, &size) == 0) {
        info.mutable_winsize()->set_ws_row(size.ws_row);
        info.mutable_winsize()->set_ws_col(size.ws_col);
        info.mutable_winsize()->set_ws_xpixel(size.ws_xpixel);
        info.mutable_winsize()->set_ws_ypixel(size.ws_ypixel);
    }
    sys::try_ioctl(copy.get(), kGetExclusive, &exclusive);
    info.set_exclusive(exclusive != 0);
    return info;
}

void finish(Tree &tree)
{
    std::map<dev_t, uint32_t> ids;
    std::optional<image::Writer> writer;
    const Description *first = nullptr;
    for (Description &description : tree.descriptions()) {
        if (description.kind != &kTty)
            continue;
        auto what = [&] { return description.facts.subject(); };
        Subject subject(what);
        dev_t rdev = description.facts.st.st_rdev;
        auto [id, is_new] = ids.try_emplace(rdev, static_cast<uint32_t>(ids.size() + 1));
        description.entry.mutable_tty()->set_tty_info_id(id->second);
        if (!is_new)
            continue;
        if (type_of(rdev) != img::CTTY) {
            if (first)
                refused(
                    cat("it is a second terminal, after ", printable(first->facts.link)),
                    "only one terminal can be given back on restore: redirect the other one's descriptors");
            first = &description;
        }
        if (!writer)
            writer.emplace(tree.images(), image::Kind::TtyInfo);
        writer->put(info_of(tree, description, id->second));
    }
    if (writer)
        writer->finish();
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.tty().flags(), &entry.tty().fown()};
}

void check(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_tty())
        bad_image("a terminal without its part");
    const img::tty_info_entry &info = plan.terminal(entry.tty().tty_info_id());
    if (info.has_termios() && info.termios().c_cc_size() != kModes)
        bad_image(cat("terminal ", info.id(), " has ", info.termios().c_cc_size(), " control characters"));
    if (!plan.options().shell_job)
        refused("the tree was dumped as the job of a shell (--shell-job) and needs a terminal",
                "use --shell-job (-j) on restore, too");
    if (plan.terminal_name().empty())
        refused("the tree needs a terminal, and there is none here", "restore it from a terminal");
}

void open(const img::file_entry &entry, Opener &opener)
{
    const img::tty_file_entry &tty = entry.tty();
    int flags = static_cast<int>(tty.flags() & ~(O_CREAT | O_EXCL | O_TRUNC));
    if (opener.plan.terminal(tty.tty_info_id()).type() == img::CTTY) {
        long r = sys::try_open_at(AT_FDCWD, "/dev/tty", flags | O_NOCTTY);
        if (r >= 0)
            return opener.place(entry, Fd(static_cast<int>(r)));
    }
    opener.place(entry, sys::open_at(AT_FDCWD, opener.plan.terminal_name().c_str(), flags | O_NOCTTY));
}

// Once for each terminal; without SIGTTOU, should we be in the background.
void arm(const img::file_entry &entry, Opener &opener)
{
    const img::tty_info_entry &info = opener.plan.terminal(entry.tty().tty_info_id());
    if (!info.has_termios() || !opener.first_of("tty", info.id()))
        return;
    const img::termios_entry &from = info.termios();
    struct termios modes {
    };
    modes.c_iflag = from.c_iflag();
    modes.c_oflag = from.c_oflag();
    modes.c_cflag = from.c_cflag();
    modes.c_lflag = from.c_lflag();
    modes.c_line = static_cast<cc_t>(from.c_line());
    for (int i = 0; i < kModes; i++)
        modes.c_cc[i] = static_cast<cc_t>(from.c_cc(i));
    std::signal(SIGTTOU, SIG_IGN);
    sys::check(sys::try_ioctl(opener.plan.number(entry), TCSETS, &modes), "set the terminal's modes");
}

// Our group gives the foreground to the one that had it. When we do not have it ourselves, the shell decides.
void after_tasks(const img::file_entry &entry, Opener &opener)
{
    const img::tty_info_entry &info = opener.plan.terminal(entry.tty().tty_info_id());
    int fd = opener.plan.number(entry), now = 0, wanted = static_cast<int>(info.pgrp());
    if (wanted > 0 && sys::try_ioctl(fd, TIOCGPGRP, &now) == 0 && now == sys::call(SYS_getpgid, 0))
        sys::try_ioctl(fd, TIOCSPGRP, &wanted); // a group that is not there any more is no error
}

} // namespace

const Kind kTty = {
    .name = "terminal",
    .type = img::TTY,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = finish,
    .common = common,
    .check = check,
    .needs = nullptr,
    .open = open,
    .arm = arm,
    .after_tasks = after_tasks,
};

} // namespace cr::files
