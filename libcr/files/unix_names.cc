#include "libcr/files/unix_names.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <cstring>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

namespace cr::files
{

using Socket = img::unix_sk_entry;

bool is_path(const Socket &socket) { return !socket.name().empty() && socket.name()[0]; }

std::string path_of(const Socket &socket) { return socket.name().c_str(); }

std::string address_of(const Socket &socket)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket.name().data(), socket.name().size());
    return {reinterpret_cast<char *>(&address), offsetof(sockaddr_un, sun_path) + socket.name().size()};
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

bool UnixNames::is_in_use(const struct stat &st)
{
    if (!others_)
        others_ = sys::unix_sockets();
    uint32_t device = major(st.st_dev) << 20 | minor(st.st_dev); // as the kernel has it
    for (const sys::UnixSocket &other : *others_)
        if (other.file && other.file->first == static_cast<uint32_t>(st.st_ino) &&
            other.file->second == device)
            return true;
    return false;
}

void UnixNames::make_room(const std::string &path)
{
    auto st = sys::stat_at(AT_FDCWD, path.c_str());
    if (!st)
        return;
    if (!S_ISSOCK(st->st_mode))
        refused(cat("a file that is no socket has its name ", printable(path), " now"), "move it away");
    if (is_in_use(*st))
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
        make_room(path);
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
