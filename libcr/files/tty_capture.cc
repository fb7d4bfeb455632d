// What a dump keeps of the terminals of a tree: finish() of the kind, when all of them are known.
#include "libcr/files/tty_capture.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/termios_entry.h"
#include "libcr/files/tree.h"
#include "libcr/files/tty.h"
#include "libcr/files/tty_queues.h"
#include "libcr/image/writer.h"
#include "libcr/proc/mountinfo.h"
#include "libcr/proc/stat.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"

#include <map>
#include <poll.h>
#include <set>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

namespace cr::files
{

namespace
{

constexpr unsigned long kGetLocked = 0x5456;         // TIOCGLCKTRMIOS
constexpr unsigned long kGetExclusive = 0x80045440;  // TIOCGEXCL
constexpr unsigned long kGetPtyLock = 0x80045439;    // TIOCGPTLCK
constexpr unsigned long kGetPacketMode = 0x80045438; // TIOCGPKT
constexpr char kEndOfFile = 4;
constexpr uint32_t kFirstOther = 1u << 31; // of tty_info ids; those of pairs go by their index
constexpr uint32_t kPerInstance = 1u << 21;

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
            Terminal terminal = terminal_of(description.facts.st, copy.get());
            found_.push_back({&description, terminal, 0});
            if (terminal.master && terminal.pty)
                masters_[*terminal.pty] = &description;
        }
        for (Side &side : found_)
            if (side.terminal.type == img::CTTY && side.terminal.pty)
                find_instance(side);
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
        for (auto &[pty, master] : masters_)
            if (!written.count(slave_id(pty)))
                add_slave(pty, *master, infos);
        infos.finish();
        if (waiting_.empty())
            return;
        image::Writer queues(tree_.images(), image::Kind::TtyData);
        for (const img::tty_data_entry &queue : waiting_)
            queues.put(queue);
        queues.finish();
    }

  private:
    bool in_tree(const Terminal &terminal) const { return terminal.pty && masters_.count(*terminal.pty); }

    // As CRIU counts them in the usual instance.
    uint32_t slave_id(const PtyId &pty)
    {
        if (!pty.instance)
            return 2 * pty.index;
        auto place = instances_.try_emplace(pty.instance, static_cast<uint32_t>(instances_.size()) + 1).first;
        return 2 * pty.index + kPerInstance * place->second;
    }

    // /dev/tty is a terminal of the session; what it does not tell is the instance.
    void find_instance(Side &side)
    {
        proc::Stat stat = proc::parse_stat(proc::PidDir(side.first->facts.pid).read("stat"));
        for (auto &[pty, master] : masters_) {
            img::tty_info_entry info;
            if (pty.index != side.terminal.pty->index)
                continue;
            session_of(tree_.take(master->facts).get(), info);
            if (!in_tree(side.terminal) || info.sid() == static_cast<uint32_t>(stat.session))
                side.terminal.pty = pty;
        }
    }

    void give_id(Side &side)
    {
        const Terminal &terminal = side.terminal;
        dev_t rdev = side.first->facts.st.st_rdev;
        if (terminal.type == img::PTY && !terminal.hung_up && terminal.pty)
            side.info_id = slave_id(*terminal.pty) + terminal.master;
        else
            side.info_id = others_
                               .try_emplace({rdev, terminal.pty.value_or(PtyId{~0U, ~0U}), terminal.hung_up},
                                            kFirstOther + static_cast<uint32_t>(others_.size()))
                               .first->second;
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
        if (info.type() == img::PTY && side.terminal.pty)
            info.mutable_pty()->set_index(side.terminal.pty->index);
        Fd copy = tree_.take(side.first->facts);
        // A terminal that hung up answers none of these.
        if (!side.terminal.hung_up)
            modes_of(copy.get(), info);
        if (info.type() == img::CTTY && side.terminal.pty)
            info.set_cr_pty_index(side.terminal.pty->index);
        if (!in_tree(side.terminal))
            return owned_by_others(side, std::move(info));
        const PtyId &pty = *side.terminal.pty;
        Fd master = tree_.take(masters_.at(pty)->facts);
        session_of(master.get(), info);
        set_instance(pty, info);
        if (side.terminal.master)
            master_info(*side.first, master.get(), pty, info);
        else if (const PtyState *state = state_of(pty))
            info.set_cr_stopped(state->stopped);
        return info;
    }

    // Another instance than the usual one is found by where it is mounted.
    void set_instance(const PtyId &pty, img::tty_info_entry &info)
    {
        if (!pty.instance)
            return;
        info.set_cr_instance(pty.instance);
        auto [place, is_new] = ptmx_.try_emplace(pty.instance);
        const Facts &facts = masters_.at(pty)->facts;
        if (is_new) {
            for (const std::string &pid : {std::string("self"), std::to_string(facts.pid)})
                for (const proc::Mount &mount : proc::mounts_of(pid))
                    if (place->second.empty() && mount.type == "devpts" && minor(mount.dev) == pty.instance)
                        place->second = mount.point + "/ptmx";
            if (place->second.empty())
                log::warning(facts.subject(), ": its devpts is mounted nowhere: it comes back in /dev/pts");
        }
        if (!place->second.empty())
            info.set_cr_ptmx(place->second);
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
            stat.tty_nr == static_cast<int>(side.terminal.real) || info.type() == img::CTTY;
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

    void master_info(const Description &description, int fd, const PtyId &pty, img::tty_info_entry &info)
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
        const PtyState *state = state_of(pty);
        if (!state) {
            int bytes = 0;
            if (sys::try_ioctl(fd, FIONREAD, &bytes) == 0 && bytes)
                log::warning(description.facts.subject(), ": ", bytes,
                             " bytes of output that it has not read are "
                             "not kept: that needs CAP_BPF and a kernel with type information");
            return;
        }
        keep(slave_id(pty) + 1, state->output);
        keep(slave_id(pty), state->input);
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
    const PtyState *state_of(const PtyId &pty)
    {
        if (auto known = states_.find(pty); known != states_.end())
            return &known->second;
        if (!queues_.there())
            return nullptr;
        const Facts &master = masters_.at(pty)->facts;
        return &(states_[pty] = queues_.read(master.pid, master.fd));
    }

    // A slave that nobody has open, but that controls a session or has input waiting.
    void add_slave(const PtyId &pty, const Description &master, image::Writer &infos)
    {
        Fd copy = tree_.take(master.facts);
        img::tty_info_entry info;
        session_of(copy.get(), info);
        const PtyState *state = state_of(pty);
        if (!info.sid() && !(state && !state->input.data.empty()))
            return;
        unsigned major_number = 136 + pty.index / 256, minor_number = pty.index % 256;
        info.set_id(slave_id(pty));
        set_instance(pty, info);
        info.set_type(img::PTY);
        info.set_locked(false);
        info.set_packet_mode(false);
        info.set_exclusive(false);
        if (!info.sid())
            info.set_sid(0);
        if (!info.pgrp())
            info.set_pgrp(0);
        info.set_rdev(static_cast<uint32_t>(makedev(major_number, minor_number)));
        info.mutable_pty()->set_index(pty.index);
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
        nobody(*tty.mutable_fown());
        tree_.add_entry(std::move(entry));
    }

    Tree &tree_;
    std::vector<Side> found_;
    std::map<PtyId, Description *> masters_;
    std::map<uint32_t, uint32_t> instances_; // their ranks
    std::map<uint32_t, std::string> ptmx_;   // by instance
    std::map<std::tuple<dev_t, PtyId, bool>, uint32_t> others_;
    TtyQueues queues_;
    std::map<PtyId, PtyState> states_;
    std::vector<img::tty_data_entry> waiting_;
};

} // namespace

void capture_terminals(Tree &tree)
{
    Terminals terminals(tree);
    terminals.collect();
    terminals.write();
}

} // namespace cr::files
