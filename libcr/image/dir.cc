#include "libcr/image/dir.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>

namespace cr::image
{

Dir Dir::open(const std::string &path)
{
    long fd = sys::try_open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
    sys::check(fd, [&] { return cat("open the image directory ", printable(path)); });
    return Dir(Fd(static_cast<int>(fd)), path);
}

Dir Dir::create(const std::string &path)
{
    long r = sys::mkdir_at(AT_FDCWD, path.c_str(), 0700);
    if (r != -EEXIST)
        sys::check(r, [&] { return cat("make the image directory ", printable(path)); });
    return open(path);
}

Dir Dir::null() { return Dir(sys::open_at(AT_FDCWD, "/dev", O_RDONLY | O_DIRECTORY), "/dev/null", true); }

Fd Dir::create_file(Kind kind, uint64_t id) const
{
    if (null_)
        return sys::open_at(AT_FDCWD, "/dev/null", O_WRONLY);
    std::string name = file_name(kind, id);
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    long fd = sys::try_open_at(fd_.get(), name.c_str(), kFlags, 0600);
    if (fd == -EEXIST) {
        sys::check(sys::unlink_at(fd_.get(), name.c_str()), [&] { return cat("remove the old ", name); });
        fd = sys::try_open_at(fd_.get(), name.c_str(), kFlags, 0600);
    }
    sys::check(fd, [&] { return cat("make ", name, " in ", printable(path_)); });
    return Fd(static_cast<int>(fd));
}

Fd Dir::open_file(Kind kind, uint64_t id) const
{
    if (null_)
        return {};
    std::string name = file_name(kind, id);
    // Not blocking: a FIFO put in the place of an image must not hold us up.
    long r = sys::try_open_at(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (r == -ENOENT)
        return {};
    if (r == -ELOOP)
        bad_image(cat(name, ": is a symbolic link"));
    Fd fd(static_cast<int>(sys::check(r, [&] { return cat("open ", name, " in ", printable(path_)); })));
    if (!S_ISREG(sys::stat_of(fd.get(), name).st_mode))
        bad_image(cat(name, ": is not a regular file"));
    return fd;
}

bool Dir::has(Kind kind, uint64_t id) const
{
    return !null_ && sys::stat_at(fd_.get(), file_name(kind, id).c_str()).has_value();
}

std::vector<Dir::File> Dir::files() const
{
    std::vector<File> out;
    if (null_)
        return out;
    for (std::string &name : sys::names_in(fd_.get(), path_))
        if (auto known = parse_file_name(name))
            out.push_back({known->kind, known->id, std::move(name)});
    std::sort(out.begin(), out.end(),
              [](const File &a, const File &b) { return a.kind != b.kind ? a.kind < b.kind : a.id < b.id; });
    return out;
}

} // namespace cr::image
