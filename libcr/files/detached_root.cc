#include "libcr/files/detached_root.h"

#include "libcr/base/error.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr unsigned kCloexec = 1;         // FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC of linux/mount.h
constexpr unsigned kConfigureCreate = 6; // FSCONFIG_CMD_CREATE

} // namespace

void DetachedRoot::make()
{
    const char *what = "make a private file system for names of sockets";
    Fd context(static_cast<int>(sys::check(sys::call(SYS_fsopen, "tmpfs", kCloexec), what)));
    sys::check(sys::call(SYS_fsconfig, context.get(), kConfigureCreate, nullptr, nullptr, 0), what);
    Fd mount(static_cast<int>(sys::check(sys::call(SYS_fsmount, context.get(), kCloexec, 0), what)));
    mount_ = aside_(mount.get());
}

void DetachedRoot::inside(const std::string &name, const std::function<void()> &work)
{
    if (!mount_)
        make();
    Fd root = sys::open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY),
       here = sys::open_at(AT_FDCWD, ".", O_PATH | O_DIRECTORY);
    sys::check(sys::call(SYS_fchdir, mount_.get()), "enter a private file system");
    auto back = [&] {
        sys::check(sys::call(SYS_fchdir, root.get()), "leave a private file system");
        sys::check(sys::call(SYS_chroot, "."), "leave a private file system");
        sys::check(sys::call(SYS_fchdir, here.get()), "leave a private file system");
    };
    try {
        sys::check(sys::call(SYS_chroot, "."), "enter a private file system");
        for (size_t slash = name.find('/', 1); slash != std::string::npos; slash = name.find('/', slash + 1))
            if (long r = sys::mkdir_at(AT_FDCWD, name.substr(0, slash).c_str(), 0700); r != -EEXIST)
                sys::check(r, "make a directory for the name of a socket");
        work();
    } catch (...) {
        back();
        throw;
    }
    back();
}

} // namespace cr::files
