#include "libcr/files/opener.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/plan.h"
#include "libcr/files/reg.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr uint32_t kSettable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;

// Flags that could not be given when the description was made.
void set_flags(int fd, uint32_t flags)
{
    long now = sys::check(sys::try_fcntl(fd, F_GETFL), "read the flags of a descriptor");
    if (flags & O_PATH || ((static_cast<uint32_t>(now) ^ flags) & kSettable) == 0)
        return;
    uint64_t wanted = (static_cast<uint32_t>(now) & ~kSettable) | (flags & kSettable);
    sys::check(sys::try_fcntl(fd, F_SETFL, wanted), [&] { return cat("set the flags 0x", hex(wanted)); });
}

// The kernel notes the caller's ids as those that signals are sent with.
void set_owner(int fd, const img::fown_entry &owner)
{
    f_owner_ex who{};
    who.type = static_cast<decltype(who.type)>(owner.pid_type());
    who.pid = static_cast<pid_t>(owner.pid());
    uid_t uid = ::getuid(), euid = ::geteuid();
    bool change = owner.uid() != uid || owner.euid() != euid;
    if (change)
        sys::check(sys::call(SYS_setresuid, owner.uid(), owner.euid(), -1),
                   [&] { return cat("take the ids ", owner.uid(), " and ", owner.euid()); });
    long result = sys::call(SYS_fcntl, fd, F_SETOWN_EX, &who);
    if (change) {
        sys::check(sys::call(SYS_setresuid, uid, euid, -1), "take our own ids back");
        // A change of ids hides us from pidfd_getfd.
        sys::check(sys::call(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0), "become readable again");
    }
    sys::check(result, [&] { return cat("let signals go to pid ", owner.pid(), " (F_SETOWN_EX)"); });
}

} // namespace

// Leaves nothing at first_number and above, and nothing free below: so each new description gets the next
// number, which is the one it shall have when they are made in order.
void Opener::prepare()
{
    int first = plan.options().first_number;
    if (plan.images().fd() >= first)
        failed_with(EMFILE, cat("use the image directory at descriptor ", plan.images().fd()),
                    "start the restore with fewer open descriptors");
    sys::raise_descriptor_limit();
    sys::check(sys::call(SYS_close_range, first, ~0U, 0), "close descriptors");
    Fd null = sys::open_at(AT_FDCWD, "/dev/null", O_RDONLY);
    while (null.get() < first) {
        [[maybe_unused]] int kept = null.release(); // fills a gap until this process ends
        null = Fd(static_cast<int>(sys::check(sys::try_fcntl(kept, F_DUPFD_CLOEXEC), "fill a gap")));
    }
}

void Opener::open(bool late)
{
    for (const img::file_entry &entry : plan.entries()) {
        if (plan.number(entry) < 0 || plan.is_late(entry) != late)
            continue;
        auto what = [&] { return cat("file ", entry.id(), " (", describe(entry), ")"); };
        Subject subject(what);
        kind_of(entry.type())->open(entry, *this);
    }
}

// What needs others waits for the late ones.
void Opener::arm(bool late)
{
    for (const img::file_entry &entry : plan.entries()) {
        const Kind *kind = kind_of(entry.type());
        if (!kind->arm || (plan.has_late() && kind->needs) != late)
            continue;
        auto what = [&] { return cat("file ", entry.id(), " (", describe(entry), ")"); };
        Subject subject(what);
        kind->arm(entry, *this);
    }
}

void Opener::open_all()
{
    prepare();
    open(false);
    arm(false);
}

void Opener::open_late()
{
    open(true);
    arm(true);
}

void Opener::after_tasks()
{
    for (const img::file_entry &entry : plan.entries()) {
        if (plan.number(entry) < 0)
            continue;
        auto what = [&] { return cat("file ", entry.id(), " (", describe(entry), ")"); };
        Subject subject(what);
        const Kind *kind = kind_of(entry.type());
        if (kind->after_tasks)
            kind->after_tasks(entry, *this);
        Common common = kind->common(entry, plan);
        if (!common.owner || common.flags & O_PATH)
            continue;
        if (common.owner->signum())
            sys::check(sys::try_fcntl(plan.number(entry), F_SETSIG, common.owner->signum()),
                       "set its signal");
        if (common.owner->pid())
            set_owner(plan.number(entry), *common.owner);
    }
}

void Opener::let_go()
{
    for (const Kind *kind : kinds())
        if (kind->let_go)
            kind->let_go(*this);
}

void Opener::place(const img::file_entry &entry, Fd fd)
{
    set_flags(fd.get(), kind_of(entry.type())->common(entry, plan).flags);
    place_as_it_is(entry, std::move(fd));
}

void Opener::place_as_it_is(const img::file_entry &entry, Fd fd)
{
    sys::move_to(fd, plan.number(entry));
    made_.insert(fd.release());
}

Fd Opener::aside(int fd) const
{
    long number = sys::try_fcntl(fd, F_DUPFD_CLOEXEC, static_cast<uint64_t>(plan.end_number()));
    return Fd(static_cast<int>(sys::check(number, "set a descriptor aside")));
}

void Opener::at_number(int from, int number, const std::function<void()> &work) const
{
    if (from == number)
        return work();
    // What is at that number comes back afterwards. Nothing is logged meanwhile: it may be the log.
    long saved = sys::try_fcntl(number, F_DUPFD_CLOEXEC, static_cast<uint64_t>(plan.end_number()));
    if (saved != -EBADF)
        sys::check(saved, [&] { return cat("set descriptor ", number, " aside"); });
    auto put_back = [&] {
        if (saved < 0) {
            sys::call(SYS_close, number);
            return;
        }
        sys::check(sys::call(SYS_dup3, saved, number, O_CLOEXEC), "put a descriptor back");
        sys::call(SYS_close, saved);
    };
    sys::check(sys::call(SYS_dup3, from, number, O_CLOEXEC), [&] { return cat("use the number ", number); });
    try {
        work();
    } catch (...) {
        put_back();
        throw;
    }
    put_back();
}

Fd Opener::open_unnamed(const img::reg_file_entry &reg, uint32_t flags)
{
    Subject subject(reg.name());
    auto [known, is_new] = ghosts_.try_emplace(plan.ghosts().key(reg.id()));
    if (is_new)
        for (auto &[name, fd] : plan.ghosts().make(plan.images(), known->first))
            known->second[name] = aside(fd.get());
    int made = known->second.at(reg.name()).get();
    if (plan.ghosts().is_link(reg.id()))
        check_unchanged(reg, sys::stat_of(made, reg.name()), plan.options());
    if ((flags & (O_PATH | O_NOFOLLOW)) == (O_PATH | O_NOFOLLOW)) // as it was opened
        return Fd(static_cast<int>(sys::check(sys::try_fcntl(made, F_DUPFD_CLOEXEC), "open it once more")));
    std::string path = cat("/proc/self/fd/", made);
    uint32_t once = O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW;
    if ((flags & O_TMPFILE) == O_TMPFILE) // which includes O_DIRECTORY
        once |= O_TMPFILE;
    return sys::open_at(AT_FDCWD, path.c_str(), static_cast<int>(flags & ~once) | O_NOCTTY);
}

bool Opener::is_made(const img::file_entry &entry) const { return made_.count(plan.number(entry)) != 0; }

} // namespace cr::files
