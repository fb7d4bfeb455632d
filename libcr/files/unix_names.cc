#include "libcr/files/unix_names.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

namespace cr::files
{

using Socket = img::unix_sk_entry;

bool is_path(const Socket &socket) { return !socket.name().empty() && socket.name()[0]; }

std::string path_of(const Socket &socket) { return socket.name().c_str(); }

bool is_name(const std::string &name)
{
    constexpr size_t kMost = sizeof sockaddr_un::sun_path;
    if (!name.empty() && name[0] && name.find('\0') < name.size() - 1)
        return false;
    return name.size() <= kMost || (name.size() == kMost + 1 && name[0] && !name[kMost]);
}

std::string address_of(const Socket &socket)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    size_t size = std::min(socket.name().size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, socket.name().data(), size);
    return {reinterpret_cast<char *>(&address), offsetof(sockaddr_un, sun_path) + size};
}

void bind_here(int fd, const Socket &socket)
{
    std::string address = address_of(socket);
    sys::check(sys::call(SYS_bind, fd, address.data(), address.size()), "bind it to its name");
}

void UnixNames::where_it_is(const Socket &socket, const std::function<void()> &work)
{
    if (!is_path(socket))
        return work();
    if (socket.deleted()) // it has no file that others could find it by
        return detached_.inside(path_of(socket), work);
    if (socket.name()[0] == '/' || socket.name_dir().empty())
        return work();
    Fd here = sys::open_at(AT_FDCWD, ".", O_PATH | O_DIRECTORY);
    sys::check(sys::call(SYS_chdir, socket.name_dir().c_str()),
               [&] { return cat("go to ", printable(socket.name_dir())); });
    work();
    sys::check(sys::call(SYS_fchdir, here.get()), "go back");
}

void UnixNames::apart(const Socket &socket, const std::function<void()> &work)
{
    if (!is_path(socket))
        return work();
    detached_.inside(path_of(socket), [&] {
        sys::unlink_at(AT_FDCWD, path_of(socket).c_str());
        work();
    });
}

bool UnixNames::bind_apart(int fd, const Socket &socket)
{
    if (is_path(socket)) {
        apart(socket, [&] { bind_here(fd, socket); });
        return true;
    }
    std::string address = address_of(socket);
    long r = sys::call(SYS_bind, fd, address.data(), address.size());
    if (r == -EADDRINUSE)
        return false;
    sys::check(r, "bind it to its name");
    return true;
}

namespace
{

// The kernel alone knows, whatever network namespace the other socket is of: it refuses a connection if there is none.
// One of datagrams is not noticed by anybody.
bool is_in_use(const Socket &socket)
{
    Fd trial(static_cast<int>(
        sys::check(sys::call(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "make a unix socket")));
    std::string address = address_of(socket);
    return sys::call(SYS_connect, trial.get(), address.data(), address.size()) != -ECONNREFUSED;
}

} // namespace

void UnixNames::make_room(const Socket &socket)
{
    std::string path = path_of(socket);
    auto st = sys::stat_at(AT_FDCWD, path.c_str());
    if (!st)
        return;
    if (!S_ISSOCK(st->st_mode))
        refused(cat("a file that is no socket has its name ", printable(path), " now"), "move it away");
    if (is_in_use(socket))
        refused(cat("another program has a socket at its name ", printable(path), " now"),
                "end that program first");
    sys::check(sys::unlink_at(AT_FDCWD, path.c_str()),
               [&] { return cat("remove the old ", printable(path)); });
}

void UnixNames::bind(int fd, const Socket &socket)
{
    if (!is_path(socket))
        return bind_here(fd, socket);
    if (socket.deleted())
        return apart(socket, [&] { bind_here(fd, socket); });
    where_it_is(socket, [&] {
        std::string path = path_of(socket);
        make_room(socket);
        bind_here(fd, socket);
        if (!socket.has_file_perms())
            return;
        const img::file_perms_entry &perms = socket.file_perms();
        sys::check(
            sys::call(SYS_fchownat, AT_FDCWD, path.c_str(), perms.uid(), perms.gid(), AT_SYMLINK_NOFOLLOW),
            [&] { return cat("give ", printable(path), " to its owner"); });
        sys::check(sys::call(SYS_fchmodat, AT_FDCWD, path.c_str(), perms.mode() & 07777),
                   [&] { return cat("set the mode of ", printable(path)); });
    });
}

} // namespace cr::files
