#include "libcr/files/facts.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <sys/socket.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

// A decimal number as a C string, without allocating.
struct Name {
    char text[16];
    explicit Name(int number) { *std::to_chars(text, text + sizeof text - 1, number).ptr = 0; }
};

Owner owner_of(int fd)
{
    Owner owner;
    long signum = sys::try_fcntl(fd, F_GETSIG);
    if (signum == -EBADF) // O_PATH: no file that could send anything
        return owner;
    owner.signum = static_cast<uint32_t>(sys::check(signum, "read the signal of a descriptor (F_GETSIG)"));
    f_owner_ex who{};
    sys::check(sys::call(SYS_fcntl, fd, F_GETOWN_EX, &who), "read the owner of a descriptor (F_GETOWN_EX)");
    if (who.pid <= 0)
        return owner;
    uid_t uids[2];
    sys::check(sys::call(SYS_fcntl, fd, 17 /* F_GETOWNER_UIDS */, uids),
               "read the owner's ids (F_GETOWNER_UIDS)");
    owner.uid = uids[0];
    owner.euid = uids[1];
    owner.pid_type = static_cast<uint32_t>(who.type);
    owner.pid = static_cast<uint32_t>(who.pid);
    return owner;
}

} // namespace

bool Facts::is_anon(std::string_view name) const
{
    std::string_view rest = link;
    if (!rest.starts_with("anon_inode:"))
        return false;
    rest.remove_prefix(11);
    if (rest.size() >= 2 && rest.front() == '[' && rest.back() == ']')
        rest = rest.substr(1, rest.size() - 2);
    return rest == name;
}

std::string Facts::subject() const
{
    std::string name = printable(link);
    if (!carrier.empty())
        return cat(carrier, ", on its way in it (SCM_RIGHTS): ", name);
    switch (fd) {
    case kCwd:
        return cat("pid ", pid, ", working directory (", name, ")");
    case kRoot:
        return cat("pid ", pid, ", root directory (", name, ")");
    case kClaim:
        return cat("pid ", pid, ", file ", name);
    default:
        return cat("pid ", pid, ", fd ", fd, " (", name, ")");
    }
}

TaskFiles::TaskFiles(pid_t pid)
    : pid_(pid), pidfd_(sys::pidfd_open(pid)), proc_(pid), status_(proc_.read("status")),
      own_fds_(sys::open_at(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY)),
      infos_(sys::open_at(proc_.fd(), "fdinfo", O_RDONLY | O_DIRECTORY))
{
}

std::optional<Facts> TaskFiles::facts(int fd) const
{
    Fd copy;
    return facts(fd, copy);
}

std::optional<Facts> TaskFiles::all_facts(int fd) const
{
    Fd copy;
    std::optional<Facts> out = facts(fd, copy);
    if (!out)
        return out;
    load_info(*out);
    out->owner = owner_of(copy.get());
    return out;
}

void TaskFiles::complete(Facts &facts, sys::FileObject object, bool all) const
{
    facts.pid = pid_;
    facts.fd = static_cast<int>(object.fd);
    facts.object = object.number;
    facts.may_be_locked = object.may_be_locked;
    facts.link = object.link.empty() ? proc_.link(cat("fd/", object.fd).c_str()) : std::move(object.link);
    // Only those kinds have more to tell in fdinfo.
    if (all && facts.link.starts_with("anon_inode:"))
        load_info(facts);
    if (all && object.has_owner)
        facts.owner = owner_of(take_copy(pidfd_.get(), facts.fd).get());
    facts.info.flags = all ? object.flags : object.flags & ~static_cast<uint32_t>(O_CLOEXEC);
    facts.info.pos = object.offset;
}

std::optional<Facts> TaskFiles::facts(int fd, Fd &copy) const
{
    Facts facts;
    facts.pid = pid_;
    facts.fd = fd;
    if (fd < 0) {
        const char *name = fd == kCwd ? "cwd" : "root";
        facts.link = proc_.link(name);
        long r = sys::call(SYS_newfstatat, proc_.fd(), name, &facts.st, 0);
        sys::check(r, [&] { return cat("stat ", printable(facts.link)); });
        return facts;
    }
    long taken = sys::try_pidfd_getfd(pidfd_.get(), fd);
    if (taken == -EBADF)
        return std::nullopt;
    sys::check(taken, [&] { return cat("take a copy of descriptor ", fd); });
    copy = Fd(static_cast<int>(taken));
    auto link = sys::readlink_at(own_fds_.get(), Name(copy.get()).text);
    if (!link)
        failed_with(ENOENT, cat("read the link of descriptor ", fd));
    facts.link = std::move(*link);
    facts.st = sys::stat_of(copy.get(), facts.link);
    facts.info.flags =
        static_cast<uint32_t>(sys::check(sys::try_fcntl(copy.get(), F_GETFL), "read the open flags"));
    if (S_ISSOCK(facts.st.st_mode) && !facts.is_path_only())
        facts.socket_domain = socket_domain_of(copy.get());
    return facts;
}

void TaskFiles::load_info(Facts &facts) const
{
    Name number(facts.fd);
    Fd file = sys::open_at(infos_.get(), number.text, O_RDONLY);
    // The kernel makes the whole text at the first read: a short read is the end.
    std::string text(1024, '\0');
    for (size_t used = 0;;) {
        long n = sys::call(SYS_read, file.get(), text.data() + used, text.size() - used);
        used += static_cast<size_t>(sys::check(n, "read fdinfo"));
        if (used < text.size()) {
            text.resize(used);
            break;
        }
        text.resize(2 * text.size());
    }
    facts.info = proc::parse_fdinfo(std::move(text));
}

int socket_domain_of(int fd)
{
    int domain = 0;
    socklen_t size = sizeof domain;
    sys::check(sys::call(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &size),
               "ask for the family of a socket");
    return domain;
}

Fd take_copy(int pidfd, int fd)
{
    long r = sys::try_pidfd_getfd(pidfd, fd);
    return Fd(static_cast<int>(sys::check(r, [&] { return cat("take a copy of descriptor ", fd); })));
}

} // namespace cr::files
