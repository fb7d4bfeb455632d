#include "libcr/files/pty.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/files/plan.h"
#include "libcr/files/termios_entry.h"
#include "libcr/files/tty.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/nonblocking.h"

#include <algorithm>
#include <cstring>
#include <poll.h>
#include <set>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

constexpr unsigned long kSetLocked = 0x5457; // TIOCSLCKTRMIOS
constexpr uint32_t kLargeFile = 0100000;     // O_LARGEFILE, which headers have as 0
constexpr int kPatience = 2000;              // ms
constexpr int kAttempts = 25;
constexpr uint32_t kMaxIndex = 1 << 20;

void control(int fd, unsigned long request, const void *argument, const char *what)
{
    sys::check(sys::try_ioctl(fd, request, const_cast<void *>(argument)), what);
}

// Images name it, and opening some devices does something.
Fd open_master(const std::string &path)
{
    struct stat st;
    if (::stat(path.c_str(), &st) == 0 && (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2)))
        bad_image(cat(printable(path), " makes no pseudo terminals"));
    Fd fd = sys::open_at(AT_FDCWD, path.c_str(), O_RDWR | O_NOCTTY);
    int unlocked = 0;
    control(fd.get(), TIOCSPTLCK, &unlocked, "unlock a pseudo terminal");
    return fd;
}

uint32_t index_of(const Fd &master)
{
    unsigned index = 0;
    control(master.get(), TIOCGPTN, &index, "ask for the number of a pseudo terminal");
    return index;
}

// A master that was made on the way to another one and is wanted itself.
Fd &spare(const std::string &path, uint32_t index, Opener &opener)
{
    return opener.held(path.c_str(), index);
}

// The lowest free index that is not below the wanted one; at a number that no description will get. Those
// below it that will be wanted are kept: thousands of terminals would cost millions of calls.
Fd master_from(const PtyId &wanted, const std::string &path, Opener &opener)
{
    std::vector<Fd> others;
    for (;;) {
        Fd master = open_master(path);
        master = opener.aside(master.get());
        uint32_t index = index_of(master);
        if (index >= wanted.index)
            return master;
        if (opener.plan.terminals().has_pair({wanted.instance, index}))
            spare(path, index, opener) = std::move(master);
        else
            others.push_back(std::move(master));
    }
}

// The wanted one. Who looks for his own as we do has it for a moment only.
Fd master_of(const PtyId &wanted, const std::string &path, bool name_matters, Opener &opener)
{
    if (name_matters && spare(path, wanted.index, opener))
        return std::move(spare(path, wanted.index, opener));
    uint32_t got = 0;
    for (int attempt = 0;; attempt++) {
        Fd master = master_from(wanted, path, opener);
        got = index_of(master);
        if (got == wanted.index || attempt == kAttempts || !name_matters) {
            if (got != wanted.index && name_matters)
                log::warning("the pseudo terminal ", wanted.index, " of ", path,
                             " is somebody else's now: it becomes ", got);
            return master;
        }
        master.reset();
        sys::call(SYS_poll, nullptr, 0, 1 + (::getpid() + attempt) % 7);
    }
}

// Without O_CLOEXEC, which this call would leave among the flags of the file (where fdinfo takes it for that
// of every descriptor).
Fd open_slave(int master, uint32_t flags)
{
    long wanted = static_cast<long>(flags & (O_ACCMODE | O_NONBLOCK | kLargeFile)) | O_NOCTTY;
    long r = sys::call(SYS_ioctl, master, TIOCGPTPEER, wanted);
    Fd fd(static_cast<int>(sys::check(r, "open the slave of a pseudo terminal")));
    sys::check(sys::try_fcntl(fd.get(), F_SETFD, FD_CLOEXEC), "close a terminal on exec");
    return fd;
}

std::string path_of(const img::file_entry &master, const Plan &plan)
{
    const std::string &recorded = plan.terminals().info(master).cr_ptmx();
    if (recorded.starts_with('/'))
        return recorded;
    const img::file_entry *name =
        master.tty().has_regf_id() ? plan.find(img::REG, master.tty().regf_id()) : nullptr;
    std::string path = name && name->has_reg() ? name->reg().name() : "";
    return path.ends_with("/ptmx") ? path : "/dev/ptmx";
}

// One pair in the making.
class Pair
{
  public:
    Pair(const PtyId &pty, Opener &opener) : plan_(opener.plan), pty_(pty)
    {
        for (const img::file_entry *each : plan_.terminals().pair(pty)) {
            const img::tty_info_entry &info = plan_.terminals().info(*each);
            if (is_master(info)) {
                master_info_ = &info;
                master_ = plan_.number(*each);
            } else if (!slave_info_ || info.type() == img::PTY) { // of /dev/tty it says no more
                slave_info_ = &info;
            }
        }
        // Opening the first slave and closing it again would be a hang-up.
        if (slave_info_ || master_info_->cr_closed()) {
            Fd slave = open_slave(master_, O_RDWR);
            slave_ = opener.aside(slave.get());
        }
    }

    void settle()
    {
        const img::tty_info_entry &modes = slave_info_ ? *slave_info_ : *master_info_;
        const img::tty_data_entry *input = slave_info_ ? plan_.terminals().data(slave_info_->id()) : nullptr;
        lines_ = modes.has_termios() ? modes.termios().c_lflag() & ICANON : 0;
        size_t received = input ? put_received(*input, modes) : 0;
        if (const img::tty_data_entry *output = plan_.terminals().data(master_info_->id()); output && slave_) {
            set_plain(lines_);
            write(slave_.get(), output->data(), "output that was not read yet");
        }
        if (modes.cr_stopped() && slave_)
            stop();
        set_modes(modes);
        if (input && received < input->data().size())
            write(master_, input->data().substr(received), "input that was not read yet");
        if (slave_info_)
            own();
        finish();
    }

  private:
    // What is asked of the master is done to the slave.
    int either() const { return slave_ ? slave_.get() : master_; }

    void write(int fd, const std::string &bytes, const char *what)
    {
        sys::NonBlocking nonblocking(fd);
        size_t done = 0;
        while (done < bytes.size()) {
            long n = sys::call(SYS_write, fd, bytes.data() + done, bytes.size() - done);
            if (n > 0) {
                done += static_cast<size_t>(n);
                continue;
            }
            pollfd poll{fd, POLLOUT, 0};
            if (n != -EAGAIN || sys::call(SYS_poll, &poll, 1, 100) != 1)
                break;
        }
        if (done < bytes.size())
            log::warning(bytes.size() - done, " bytes of a terminal's ", what, " do not fit any more");
    }

    // Modes that change nothing, with these local ones.
    void set_plain(unsigned local, const std::vector<std::pair<int, cc_t>> &characters = {})
    {
        struct termios modes {
        };
        modes.c_cflag = B38400 | CS8 | CREAD;
        modes.c_lflag = local;
        modes.c_cc[VMIN] = local & ICANON ? 0 : 1;
        for (auto [which, character] : characters)
            modes.c_cc[which] = character;
        control(slave_.get(), TCSETS, &modes, "set a terminal's modes");
    }

    size_t put_received(const img::tty_data_entry &input, const img::tty_info_entry &info)
    {
        size_t n = input.has_cr_received() ? input.cr_received() : input.data().size();
        std::string bytes = input.data().substr(0, n);
        if (bytes.empty())
            return 0;
        if (lines_)
            put_lines(bytes, input, info);
        else
            put_raw(bytes);
        return n;
    }

    void put_raw(const std::string &bytes)
    {
        set_plain(0);
        write(master_, bytes, "input that was not read yet");
        int there = 0;
        for (int waited = 0; waited < kPatience; waited++) {
            sys::try_ioctl(slave_.get(), FIONREAD, &there);
            if (there >= static_cast<int>(bytes.size()))
                return;
            sys::call(SYS_poll, nullptr, 0, 1);
        }
        log::warning("a terminal has taken ", there, " of ", bytes.size(), " bytes of input");
    }

    // Characters that end a line besides the new line: an end-of-file, and up to one other.
    void put_lines(std::string bytes, const img::tty_data_entry &input, const img::tty_info_entry &info)
    {
        const img::termios_entry &modes = info.termios();
        cc_t eof = VEOF < modes.c_cc_size() ? static_cast<cc_t>(modes.c_cc(VEOF)) : 4;
        std::set<size_t> ends(input.cr_line_ends().begin(), input.cr_line_ends().end());
        cc_t eol = 0;
        for (size_t at : ends)
            if (at < bytes.size() && static_cast<cc_t>(bytes[at]) != eof)
                eol = static_cast<cc_t>(bytes[at]);
        cc_t marker = unused(bytes); // stands for an end-of-file, so that an eof that was quoted is data
        for (size_t at : ends)
            if (at < bytes.size() && static_cast<cc_t>(bytes[at]) == eof)
                bytes[at] = static_cast<char>(marker);
        set_plain(ICANON | ECHO, {{VEOF, marker}, {VEOL, eol}});
        for (size_t at = 0; at < bytes.size(); at += 512) {
            std::string part = bytes.substr(at, 512);
            write(master_, part, "input that was not read yet");
            take_echo(part.size() -
                      static_cast<size_t>(std::count(part.begin(), part.end(), static_cast<char>(marker))));
        }
    }

    // A character other than new line that is not among these, or 0.
    static cc_t unused(const std::string &bytes)
    {
        for (int c = 1; c < 256; c++)
            if (c != '\n' && bytes.find(static_cast<char>(c)) == std::string::npos)
                return static_cast<cc_t>(c);
        return 0;
    }

    void take_echo(size_t n)
    {
        char buffer[1024];
        while (n) {
            pollfd poll{master_, POLLIN, 0};
            if (sys::call(SYS_poll, &poll, 1, kPatience) != 1)
                return log::warning("a terminal does not take its input back");
            long got = sys::call(SYS_read, master_, buffer, std::min(n, sizeof buffer));
            n -= static_cast<size_t>(sys::check(got, "read a terminal's echo"));
        }
    }

    // As by a ^S, so that a ^Q lets it go on.
    void stop()
    {
        struct termios modes {
        };
        modes.c_cflag = B38400 | CS8 | CREAD;
        modes.c_iflag = IXON;
        modes.c_cc[VSTOP] = 1;
        modes.c_cc[VSTART] = 2;
        modes.c_cc[VMIN] = 1;
        modes.c_lflag = lines_;
        control(slave_.get(), TCSETS, &modes, "set a terminal's modes");
        write(master_, "\001", "stop");
        for (int i = 0; i < 20; i++) { // there is no sign of it; the work takes some microseconds
            pollfd poll{slave_.get(), POLLIN, 0};
            sys::call(SYS_poll, &poll, 1, 1);
        }
    }

    void set_modes(const img::tty_info_entry &info)
    {
        if (info.has_termios()) {
            struct termios modes = to_kernel(info.termios());
            control(either(), TCSETS, &modes, "set a terminal's modes");
        }
        if (info.has_winsize()) {
            struct winsize size = to_kernel(info.winsize());
            control(either(), TIOCSWINSZ, &size, "set a terminal's size");
        }
        if (info.has_termios_locked()) {
            struct termios locked = to_kernel(info.termios_locked());
            control(either(), kSetLocked, &locked, "lock a terminal's modes");
        }
    }

    void own()
    {
        if (!slave_info_->has_uid())
            return;
        sys::check(sys::call(SYS_fchown, slave_.get(), slave_info_->uid(), slave_info_->gid()),
                   "give a terminal to its owner");
        for (const img::file_entry *each : plan_.terminals().pair(pty_)) {
            const img::file_entry *name =
                each->tty().has_regf_id() ? plan_.find(img::REG, each->tty().regf_id()) : nullptr;
            if (&plan_.terminals().info(*each) == slave_info_ && name && name->has_reg() &&
                name->reg().has_mode()) {
                sys::check(sys::call(SYS_fchmod, slave_.get(), name->reg().mode() & 07777),
                           "set a terminal's mode");
                return;
            }
        }
    }

    void finish()
    {
        if (slave_info_ && slave_info_->exclusive())
            control(slave_.get(), TIOCEXCL, nullptr, "make a terminal exclusive");
        if (master_info_->exclusive())
            control(master_, TIOCEXCL, nullptr, "make a terminal exclusive");
        int locked = master_info_->locked(), packet = master_info_->packet_mode();
        control(master_, TIOCSPTLCK, &locked, "lock a pseudo terminal");
        control(master_, TIOCPKT, &packet, "set packet mode");
    }

    const Plan &plan_;
    PtyId pty_;
    int master_ = -1;
    unsigned lines_ =
        0; // ICANON when input waits in lines: while it waits, leaving that mode would join them
    Fd slave_;
    const img::tty_info_entry *master_info_ = nullptr, *slave_info_ = nullptr;
};

} // namespace

void place_pair(const PtyId &pty, Opener &opener)
{
    if (pty.index > kMaxIndex)
        bad_image(cat("the pseudo terminal ", pty.index));
    const Plan &plan = opener.plan;
    const img::file_entry *master = nullptr;
    for (const img::file_entry *each : plan.terminals().pair(pty))
        if (is_master(plan.terminals().info(*each)))
            master = each;
    Fd fd = master_of(pty, path_of(*master, plan), true, opener);
    for (const img::file_entry *each : plan.terminals().pair(pty))
        if (each != master)
            opener.place(*each, open_slave(fd.get(), each->tty().flags()));
    opener.place(*master, std::move(fd));
}

void settle_pair(const PtyId &pty, Opener &opener) { Pair(pty, opener).settle(); }

void place_hung_up(const img::file_entry &entry, Opener &opener)
{
    const img::tty_info_entry &info = opener.plan.terminals().info(entry);
    uint32_t index = info.has_pty() && info.pty().index() <= kMaxIndex ? info.pty().index() : 0;
    Fd master = master_of({0, index}, "/dev/ptmx", false, opener);
    opener.place(entry, open_slave(master.get(), entry.tty().flags()));
}

} // namespace cr::files
