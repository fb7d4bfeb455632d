#include "libcr/image/parent.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <sys/stat.h>
#include <sys/syscall.h>

namespace cr::image
{

namespace
{

constexpr const char *kParent = "parent";

// Another directory than `dir`, by a path relative to it.
Dir other_dir(const Dir &dir, const std::string &path)
{
    Dir other = Dir::open(path.starts_with('/') ? path : cat("/proc/self/fd/", dir.fd(), "/", path));
    struct stat a = sys::stat_of(dir.fd(), dir.path()), b = sys::stat_of(other.fd(), path);
    if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        refused("the earlier images are in the directory of the new ones",
                "give the new ones a directory of their own");
    return other;
}

} // namespace

Dir dir_of(int fd) { return Dir::open(cat("/proc/self/fd/", fd)); }

std::optional<Dir> parent_of(const Dir &dir)
{
    if (dir.is_null() || !sys::readlink_at(dir.fd(), kParent))
        return std::nullopt;
    return Dir::open(cat("/proc/self/fd/", dir.fd(), "/", kParent));
}

Dir earlier_dump(const Dir &dir, const std::string &path)
{
    Dir other = other_dir(dir, path);
    if (!other.has(Kind::Inventory))
        refused(cat("the earlier images in ", printable(path), " are not complete"),
                "give the directory of a dump that ended well, relative to the image directory");
    return other;
}

void link_parent(const Dir &dir, const std::string &path)
{
    if (dir.is_null())
        return;
    other_dir(dir, path);
    unlink_parent(dir);
    sys::check(sys::call(SYS_symlinkat, path.c_str(), dir.fd(), kParent),
               [&] { return cat("make the link ", kParent, " in ", printable(dir.path())); });
}

void unlink_parent(const Dir &dir)
{
    if (dir.is_null() || !sys::readlink_at(dir.fd(), kParent))
        return;
    sys::check(sys::unlink_at(dir.fd(), kParent), [&] { return cat("remove the old link ", kParent); });
}

} // namespace cr::image
