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
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/pty.h"
#include "libcr/files/reg.h"
#include "libcr/files/termios_entry.h"
#include "libcr/files/tree.h"
#include "libcr/files/tty_queues.h"
#include "libcr/image/writer.h"
#include "libcr/proc/stat.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <csignal>
#include <cstring>
#include <map>
#include <poll.h>
#include <set>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <tuple>

namespace cr::files
{

namespace
{

constexpr unsigned long kGetLocked = 0x5456;         // TIOCGLCKTRMIOS
constexpr unsigned long kGetExclusive = 0x80045440;  // TIOCGEXCL
constexpr unsigned long kGetPtyLock = 0x80045439;    // TIOCGPTLCK
constexpr unsigned long kGetPacketMode = 0x80045438; // TIOCGPKT
constexpr int kModes = 19;                           // NCCS of the kernel
constexpr char kEndOfFile = 4;
constexpr uint32_t kFirstOther = 1u << 24; // of tty_info ids; those of pairs go by their index

bool claims(const Facts &f) { return S_ISCHR(f.st.st_mode) && tty_type(f.st.st_rdev) != img::UNKNOWN; }

// Whose a terminal is only the whole tree tells: TerminalSearch.
std::optional<Blocker> blocker(const Facts &f, const DumpOptions &)
{
    if (f.info.flags & O_PATH)
        return blocker_of(f, "O_PATH descriptors of terminals are not supported yet",
                          "close it before the dump");
    return std::nullopt;
}

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

// A terminal, or one side of a pair, as the tree has it.
struct Side {
    Description *first = nullptr;
    Terminal terminal;
    uint32_t info_id = 0;
};

class Terminals
{
  public:
    explicit Terminals(Tree &tree) : tree_(tree) {}

    void collect()
    {
        for (Description &description : tree_.descriptions()) {
            if (description.kind != &kTty)
                continue;
            auto what = [&] { return description.facts.subject(); };
            Subject subject(what);
            Fd copy = tree_.take(description.facts);
            Terminal terminal = terminal_of(description.facts.st.st_rdev, copy.get());
            found_.push_back({&description, terminal, 0});
            if (terminal.master && terminal.index)
                masters_[*terminal.index] = &description;
        }
        for (Side &side : found_)
            give_id(side);
    }

    void write()
    {
        if (found_.empty())
            return;
        image::Writer infos(tree_.images(), image::Kind::TtyInfo);
        std::set<uint32_t> written;
        for (Side &side : found_) {
            auto what = [&] { return side.first->facts.subject(); };
            Subject subject(what);
            side.first->entry.mutable_tty()->set_tty_info_id(side.info_id);
            if (written.insert(side.info_id).second)
                infos.put(info_of(side));
        }
        for (auto &[index, master] : masters_)
            if (!written.count(2 * index))
                add_slave(index, *master, infos);
        infos.finish();
        if (waiting_.empty())
            return;
        image::Writer queues(tree_.images(), image::Kind::TtyData);
        for (const img::tty_data_entry &queue : waiting_)
            queues.put(queue);
        queues.finish();
    }

  private:
    bool in_tree(const Terminal &terminal) const { return terminal.index && masters_.count(*terminal.index); }

    void give_id(Side &side)
    {
        const Terminal &terminal = side.terminal;
        dev_t rdev = side.first->facts.st.st_rdev;
        if (terminal.type == img::PTY && !terminal.hung_up && terminal.index)
            side.info_id = 2 * *terminal.index + terminal.master;
        else
            side.info_id = others_
                               .try_emplace({rdev, terminal.index.value_or(~0U), terminal.hung_up},
                                            kFirstOther + static_cast<uint32_t>(others_.size()))
                               .first->second;
        bool own_device = terminal.type == img::CONSOLE || terminal.type == img::SERIAL;
        if (terminal.master || terminal.hung_up || in_tree(terminal) || own_device)
            return;
        if (terminal.type == img::CTTY)
            return;
        if (outside_ && outside_->facts.st.st_rdev != rdev)
            refused(cat("it is a second terminal, after ", printable(outside_->facts.link)),
                    "only one terminal can be given back on restore: redirect the other one's descriptors");
        outside_ = side.first;
    }

    img::tty_info_entry info_of(const Side &side)
    {
        const struct stat &st = side.first->facts.st;
        img::tty_info_entry info;
        info.set_id(side.info_id);
        info.set_type(side.terminal.type);
        info.set_locked(false);
        info.set_packet_mode(false);
        info.set_exclusive(false);
        info.set_sid(0);
        info.set_pgrp(0);
        info.set_rdev(static_cast<uint32_t>(st.st_rdev));
        info.set_dev(static_cast<uint32_t>(st.st_dev));
        info.set_uid(st.st_uid);
        info.set_gid(st.st_gid);
        if (info.type() == img::PTY && side.terminal.index)
            info.mutable_pty()->set_index(*side.terminal.index);
        Fd copy = tree_.take(side.first->facts);
        // A terminal that hung up answers none of these.
        if (!side.terminal.hung_up)
            modes_of(copy.get(), info);
        if (!in_tree(side.terminal))
            return owned_by_others(side, std::move(info));
        if (info.type() == img::CTTY)
            info.set_cr_pty_index(*side.terminal.index);
        Fd master = tree_.take(masters_.at(*side.terminal.index)->facts);
        session_of(master.get(), info);
        if (side.terminal.master)
            master_info(*side.first, master.get(), info);
        else if (const PtyState *state = state_of(*side.terminal.index))
            info.set_cr_stopped(state->stopped);
        return info;
    }

    static void modes_of(int fd, img::tty_info_entry &info)
    {
        struct termios modes, locked;
        struct winsize size;
        int exclusive = 0;
        if (sys::try_ioctl(fd, TCGETS, &modes) == 0)
            to_image(modes, *info.mutable_termios());
        if (sys::try_ioctl(fd, kGetLocked, &locked) == 0)
            to_image(locked, *info.mutable_termios_locked());
        if (sys::try_ioctl(fd, TIOCGWINSZ, &size) == 0) {
            info.mutable_winsize()->set_ws_row(size.ws_row);
            info.mutable_winsize()->set_ws_col(size.ws_col);
            info.mutable_winsize()->set_ws_xpixel(size.ws_xpixel);
            info.mutable_winsize()->set_ws_ypixel(size.ws_ypixel);
        }
        sys::try_ioctl(fd, kGetExclusive, &exclusive);
        info.set_exclusive(exclusive != 0);
    }

    static img::tty_info_entry owned_by_others(const Side &side, img::tty_info_entry info)
    {
        proc::Stat stat = proc::parse_stat(proc::PidDir(side.first->facts.pid).read("stat"));
        bool controls =
            stat.tty_nr == static_cast<int>(side.first->facts.st.st_rdev) || info.type() == img::CTTY;
        info.set_sid(controls ? static_cast<uint32_t>(stat.session) : 0);
        info.set_pgrp(controls && stat.tpgid > 0 ? static_cast<uint32_t>(stat.tpgid) : 0);
        return info;
    }

    static void session_of(int master, img::tty_info_entry &info)
    {
        int id = 0;
        if (sys::try_ioctl(master, TIOCGSID, &id) == 0 && id > 0)
            info.set_sid(static_cast<uint32_t>(id));
        if (sys::try_ioctl(master, TIOCGPGRP, &id) == 0 && id > 0)
            info.set_pgrp(static_cast<uint32_t>(id));
    }

    void master_info(const Description &description, int fd, img::tty_info_entry &info)
    {
        int on = 0;
        if (sys::try_ioctl(fd, kGetPtyLock, &on) == 0)
            info.set_locked(on != 0);
        on = 0;
        if (sys::try_ioctl(fd, kGetPacketMode, &on) == 0)
            info.set_packet_mode(on != 0);
        pollfd poll{fd, POLLIN, 0};
        if (sys::call(SYS_poll, &poll, 1, 0) == 1 && poll.revents & POLLHUP)
            info.set_cr_closed(true);
        uint32_t index = info.pty().index();
        const PtyState *state = state_of(index);
        if (!state) {
            int bytes = 0;
            if (sys::try_ioctl(fd, FIONREAD, &bytes) == 0 && bytes)
                log::warning(description.facts.subject(), ": ", bytes,
                             " bytes of output that it has not read are "
                             "not kept: that needs CAP_BPF and a kernel with type information");
            return;
        }
        keep(2 * index + 1, state->output);
        keep(2 * index, state->input);
    }

    void keep(uint32_t id, const TtyQueue &queue)
    {
        if (queue.data.empty())
            return;
        img::tty_data_entry &entry = waiting_.emplace_back();
        entry.set_tty_id(id);
        entry.set_data(queue.data);
        if (queue.received < queue.data.size())
            entry.set_cr_received(queue.received);
        for (uint32_t at : queue.line_ends) {
            entry.add_cr_line_ends(at);
            if (!(*entry.mutable_data())[at])
                (*entry.mutable_data())[at] = kEndOfFile;
        }
    }

    // The state of a pair, read once; null when the kernel cannot be asked.
    const PtyState *state_of(uint32_t index)
    {
        if (auto known = states_.find(index); known != states_.end())
            return &known->second;
        if (!queues_.there())
            return nullptr;
        const Facts &master = masters_.at(index)->facts;
        return &(states_[index] = queues_.read(master.pid, master.fd));
    }

    // A slave that nobody has open, but that controls a session or has input waiting.
    void add_slave(uint32_t index, const Description &master, image::Writer &infos)
    {
        Fd copy = tree_.take(master.facts);
        img::tty_info_entry info;
        session_of(copy.get(), info);
        const PtyState *state = state_of(index);
        if (!info.sid() && !(state && !state->input.data.empty()))
            return;
        unsigned major_number = 136 + index / 256, minor_number = index % 256;
        info.set_id(2 * index);
        info.set_type(img::PTY);
        info.set_locked(false);
        info.set_packet_mode(false);
        info.set_exclusive(false);
        if (!info.sid())
            info.set_sid(0);
        if (!info.pgrp())
            info.set_pgrp(0);
        info.set_rdev(static_cast<uint32_t>(makedev(major_number, minor_number)));
        info.mutable_pty()->set_index(index);
        modes_of(copy.get(), info);
        infos.put(info);
        if (!info.sid())
            return;
        img::file_entry entry;
        entry.set_type(img::TTY);
        entry.set_id(tree_.new_id());
        img::tty_file_entry &tty = *entry.mutable_tty();
        tty.set_id(entry.id());
        tty.set_tty_info_id(info.id());
        tty.set_flags(O_RDWR);
        for (auto set : {&img::fown_entry::set_uid, &img::fown_entry::set_euid, &img::fown_entry::set_signum,
                         &img::fown_entry::set_pid_type, &img::fown_entry::set_pid})
            (tty.mutable_fown()->*set)(0);
        tree_.add_entry(std::move(entry));
    }

    Tree &tree_;
    std::vector<Side> found_;
    std::map<uint32_t, Description *> masters_; // by index
    std::map<std::tuple<dev_t, uint32_t, bool>, uint32_t> others_;
    Description *outside_ = nullptr;
    TtyQueues queues_;
    std::map<uint32_t, PtyState> states_;
    std::vector<img::tty_data_entry> waiting_;
};

void finish(Tree &tree)
{
    Terminals terminals(tree);
    terminals.collect();
    terminals.write();
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.tty().flags(), &entry.tty().fown()};
}

bool is_of_machine(const img::tty_info_entry &info)
{
    return info.type() == img::CONSOLE || info.type() == img::SERIAL;
}

std::string name_of(const img::file_entry &entry, const Plan &plan)
{
    const img::file_entry *name =
        entry.tty().has_regf_id() ? plan.find(img::REG, entry.tty().regf_id()) : nullptr;
    return name && name->has_reg() ? name->reg().name() : "";
}

// Those to be made again by a pair; nothing for a terminal of somebody else.
std::optional<uint32_t> own_pair(const img::file_entry &entry, const Plan &plan)
{
    auto index = pair_of(entry, plan.terminal(entry.tty().tty_info_id()));
    return index && plan.try_pty_pair(*index) ? index : std::nullopt;
}

std::string external_key(const img::tty_info_entry &info)
{
    return cat("tty[", hex(info.rdev()), ":", hex(info.dev()), "]");
}

void check(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_tty())
        bad_image("a terminal without its part");
    const img::tty_info_entry &info = plan.terminal(entry.tty().tty_info_id());
    if (info.has_termios() && info.termios().c_cc_size() != kModes)
        bad_image(cat("terminal ", info.id(), " has ", info.termios().c_cc_size(), " control characters"));
    if (own_pair(entry, plan) || is_hung_up(info) || plan.inherits(external_key(info)))
        return;
    if (is_of_machine(info) && name_of(entry, plan).starts_with('/'))
        return;
    if (!plan.options().shell_job)
        refused("the tree was dumped as the job of a shell (--shell-job) and needs a terminal",
                "use --shell-job (-j) on restore, too");
    if (plan.terminal_name().empty())
        refused("the tree needs a terminal, and there is none here", "restore it from a terminal");
}

void open(const img::file_entry &entry, Opener &opener)
{
    if (opener.is_made(entry))
        return;
    const Plan &plan = opener.plan;
    const img::tty_file_entry &tty = entry.tty();
    const img::tty_info_entry &info = plan.terminal(tty.tty_info_id());
    if (auto index = own_pair(entry, plan))
        return place_pair(*index, opener);
    if (is_hung_up(info))
        return place_hung_up(entry, opener);
    int flags = static_cast<int>(tty.flags() & ~(O_CREAT | O_EXCL | O_TRUNC)) | O_NOCTTY;
    if (Fd given = plan.inherit(external_key(info), tty.flags() | O_NOCTTY))
        return opener.place(entry, std::move(given));
    if (is_of_machine(info)) {
        std::string name = name_of(entry, plan);
        auto st = sys::stat_at(AT_FDCWD, name.c_str());
        if (!st || !S_ISCHR(st->st_mode) || tty_type(st->st_rdev) != info.type())
            refused(cat(printable(name), " is no such terminal here"));
        return opener.place(entry, sys::open_at(AT_FDCWD, name.c_str(), flags));
    }
    if (info.type() == img::CTTY) {
        long r = sys::try_open_at(AT_FDCWD, "/dev/tty", flags);
        if (r >= 0)
            return opener.place(entry, Fd(static_cast<int>(r)));
    }
    opener.place(entry, sys::open_at(AT_FDCWD, plan.terminal_name().c_str(), flags));
}

// Once for each terminal; without SIGTTOU, should we be in the background.
void arm(const img::file_entry &entry, Opener &opener)
{
    const img::tty_info_entry &info = opener.plan.terminal(entry.tty().tty_info_id());
    if (auto index = own_pair(entry, opener.plan)) {
        if (opener.first_of("pty", *index))
            settle_pair(*index, opener);
        return;
    }
    if (!info.has_termios() || is_of_machine(info) || !opener.first_of("tty", info.id()))
        return;
    struct termios modes = to_kernel(info.termios());
    std::signal(SIGTTOU, SIG_IGN);
    sys::check(sys::try_ioctl(opener.plan.number(entry), TCSETS, &modes), "set the terminal's modes");
}

// Our group gives the foreground to the one that had it. When we do not have it ourselves, the shell decides.
void after_tasks(const img::file_entry &entry, Opener &opener)
{
    if (own_pair(entry, opener.plan))
        return; // its session's leader does it
    const img::tty_info_entry &info = opener.plan.terminal(entry.tty().tty_info_id());
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
    .finish = finish,
    .common = common,
    .check = check,
    .needs = nullptr,
    .open = open,
    .arm = arm,
    .after_tasks = after_tasks,
    .kept = "modes, size, unread input and output, session, foreground group",
    .lost = waiting_lost,
};

} // namespace cr::files
