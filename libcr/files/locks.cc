#include "libcr/files/locks.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/plan.h"
#include "libcr/files/tree.h"
#include "libcr/image/writer.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <set>
#include <string>
#include <sys/file.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

// Of file_lock_entry.flag, as CRIU has them.
enum LockKind : uint32_t { kPosix = 1, kFlock = 2, kOfd = 4, kLease = 8 };

// From here on one look at the locks of the whole machine is cheaper than one at each descriptor.
constexpr size_t kManyDescriptors = 1000;

bool may_be_locked(const Facts &facts)
{
    return facts.fd >= 0 && !(facts.info.flags & O_PATH) && !S_ISSOCK(facts.st.st_mode) &&
           !facts.link.starts_with("anon_inode:");
}

std::vector<std::string> lock_lines(pid_t pid, int fd)
{
    std::string name = cat("/proc/", pid, "/fdinfo/", fd), text(65536, '\0');
    Fd file = sys::open_at(AT_FDCWD, name.c_str(), O_RDONLY);
    size_t used = 0;
    while (size_t n = sys::read_up_to(file.get(), text.data() + used, text.size() - used, name)) {
        used += n;
        if (used == text.size())
            text.resize(2 * used);
        else
            break;
    }
    text.resize(used);
    proc::FdInfo info = proc::parse_fdinfo(std::move(text));
    auto fields = info.fields("lock");
    return {fields.begin(), fields.end()};
}

LockKind kind_of_word(std::string_view word)
{
    if (word == "POSIX")
        return kPosix;
    if (word == "FLOCK")
        return kFlock;
    if (word == "OFDLCK")
        return kOfd;
    if (word == "LEASE")
        return kLease;
    refused(cat("it holds a lock of the kind ", printable(word), ", which cannot be kept"),
            "let the program give it back before the dump");
}

// Who shall take it: he who did, when he still has the descriptor. POSIX locks have their owner by
// themselves.
std::pair<pid_t, int> taker(const Description &description, pid_t pid)
{
    for (auto &holder : description.holders)
        if (holder.first == pid)
            return holder;
    return description.holders.front();
}

std::string describe_lock(const img::file_lock_entry &lock)
{
    const char *kind = lock.flag() == kPosix   ? "POSIX lock"
                       : lock.flag() == kFlock ? "flock"
                       : lock.flag() == kOfd   ? "OFD lock"
                                               : "lease";
    return cat("fd ", lock.fd(), ", ", kind);
}

} // namespace

Locks Locks::read()
{
    Fd file = sys::open_at(AT_FDCWD, "/proc/locks", O_RDONLY);
    std::string text;
    char buffer[8192];
    while (size_t n = sys::read_up_to(file.get(), buffer, sizeof buffer, "/proc/locks"))
        text.append(buffer, n);
    return parse(text);
}

// "1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF", "1: -> ..." for those that wait
Locks Locks::parse(std::string_view text)
{
    Locks locks;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
            size_t first = word.find(':'), last = word.rfind(':');
            if (first == last || last + 1 == word.size())
                continue;
            if (auto inode = parse_int<uint64_t>(word.substr(last + 1)))
                locks.inodes_.insert(*inode);
        }
    }
    return locks;
}

img::file_lock_entry parse_lock(std::string_view line, uint32_t open_flags)
{
    img::file_lock_entry lock;
    std::string_view rest = line;
    take_word(rest); // "1:"
    std::string_view kind = take_word(rest), option = take_word(rest), type = take_word(rest);
    auto pid = parse_int<int32_t>(take_word(rest));
    take_word(rest); // the inode
    auto start = parse_int<int64_t>(take_word(rest));
    std::string_view end_word = take_word(rest);
    auto end = end_word == "EOF" ? std::optional<int64_t>(-1) : parse_int<int64_t>(end_word);
    if (!pid || !start || !end || end_word.empty())
        failed_with(0, cat("understand a lock of fdinfo: ", printable(line)));
    lock.set_flag(kind_of_word(kind));
    lock.set_type(type == "WRITE" ? F_WRLCK : type == "READ" ? F_RDLCK : F_UNLCK);
    if (option == "BREAKING")
        lock.set_type((open_flags & O_ACCMODE) == O_RDONLY && lock.type() != F_RDLCK ? F_RDLCK : F_WRLCK);
    lock.set_pid(*pid);
    lock.set_fd(-1);
    lock.set_start(*start);
    lock.set_len(*end == -1 ? 0 : *end - *start + 1);
    return lock;
}

void capture_locks(Tree &tree)
{
    if (!tree.options().file_locks)
        return; // the search for blockers has found none
    std::optional<Locks> all;
    if (tree.descriptions().size() >= kManyDescriptors)
        all = Locks::read();
    std::vector<img::file_lock_entry> out;
    for (const Description &description : tree.descriptions()) {
        if (!may_be_locked(description.facts) || (all && !all->may_hold(description.facts.st)))
            continue;
        std::set<std::string> seen; // by what is after the number: dup'ed descriptors tell the same
        for (auto &[pid, fd] : description.holders)
            for (const std::string &line : lock_lines(pid, fd)) {
                auto what = [&] { return description.facts.subject(); };
                Subject subject(what);
                img::file_lock_entry lock = parse_lock(line, description.facts.open_flags());
                std::string_view rest = line;
                take_word(rest);
                if (!seen.insert(lock.flag() == kPosix ? cat(pid, rest) : std::string(rest)).second)
                    continue;
                if (!description.facts.carrier.empty())
                    refused("it holds a file lock, and no process of the tree has it",
                            "try again when it was received");
                auto who = lock.flag() == kPosix ? std::pair(pid, fd) : taker(description, lock.pid());
                lock.set_pid(tree.vpid(who.first));
                lock.set_fd(who.second);
                out.push_back(std::move(lock));
            }
    }
    if (out.empty())
        return;
    image::Writer writer(tree.images(), image::Kind::Filelocks);
    for (const img::file_lock_entry &lock : out)
        writer.put(lock);
    writer.finish();
}

void check_lock(const img::file_lock_entry &lock)
{
    uint32_t kind = lock.flag();
    if (kind != kPosix && kind != kFlock && kind != kOfd && kind != kLease)
        bad_image(cat("a file lock of the kind ", kind));
    if (lock.type() != F_RDLCK && lock.type() != F_WRLCK)
        bad_image(cat("a file lock of the type ", lock.type()));
    if (lock.start() < 0 || lock.len() < 0 || lock.start() > INT64_MAX - lock.len())
        bad_image(cat("a file lock from ", lock.start(), " of ", lock.len(), " bytes"));
}

void arm_locks(const Plan &plan, pid_t pid, task::Build &build)
{
    for (const img::file_lock_entry &lock : plan.locks(pid)) {
        int fd = lock.fd();
        std::string subject = describe_lock(lock);
        if (lock.flag() == kFlock) {
            int operation = (lock.type() == F_WRLCK ? LOCK_EX : LOCK_SH) | LOCK_NB;
            build.program.sys(SYS_flock, {fd, operation}, program::On::Fail, subject);
        } else if (lock.flag() == kLease) {
            build.program.sys(SYS_fcntl, {fd, F_SETLEASE, lock.type()}, program::On::Fail, subject);
        } else {
            struct flock what {
            };
            what.l_type = static_cast<short>(lock.type());
            what.l_whence = SEEK_SET;
            what.l_start = lock.start();
            what.l_len = lock.len();
            int command = lock.flag() == kOfd ? F_OFD_SETLK : F_SETLK;
            build.program.sys(SYS_fcntl, {fd, command, build.region.data(&what, sizeof what)},
                              program::On::Fail, subject);
        }
    }
}

} // namespace cr::files
