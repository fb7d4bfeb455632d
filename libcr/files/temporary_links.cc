#include "libcr/files/temporary_links.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <climits>
#include <ctime>
#include <linux/stat.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr const char *kRecord = "cr-link-remap";
constexpr size_t kLargestRecord = 16 << 20;

// The record, locked; empty when there is none (any more).
Fd open_record(const image::Dir &images)
{
    long opened = sys::try_open_at(images.fd(), kRecord, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
    if (opened == -ENOENT)
        return Fd();
    auto what = [&] { return cat("open ", kRecord, " in ", printable(images.path())); };
    Fd record(static_cast<int>(sys::check(opened, what)));
    long locked;
    while ((locked = sys::call(SYS_flock, record.get(), LOCK_EX)) == -EINTR)
        ;
    sys::check(locked, [&] { return cat("lock ", kRecord); });
    struct stat st = sys::stat_of(record.get(), kRecord);
    return S_ISREG(st.st_mode) && st.st_nlink ? std::move(record) : Fd();
}

struct Link {
    uint64_t device = 0, inode = 0;
    timespec since{};
    std::string name;
};

std::optional<Link> parse_link(std::string_view text)
{
    auto number = [&] { return parse_int<uint64_t>(take_until(text, ' ')); };
    auto device = number(), inode = number(), seconds = number(), ns = number();
    if (!device || !inode || !seconds || !ns || !text.starts_with('/') || text.size() >= PATH_MAX)
        return std::nullopt;
    std::string_view base = text.substr(text.rfind('/') + 1);
    if (!base.starts_with(kTemporaryLink))
        return std::nullopt;
    return Link{*device, *inode, {static_cast<time_t>(*seconds), static_cast<long>(*ns)}, std::string(text)};
}

void remove(const Link &link)
{
    auto st = sys::stat_at(AT_FDCWD, link.name.c_str());
    if (!st)
        return;
    if (st->st_dev != link.device || st->st_ino != link.inode ||
        std::pair(st->st_ctim.tv_sec, st->st_ctim.tv_nsec) < std::pair(link.since.tv_sec, link.since.tv_nsec)) {
        log::warning(printable(link.name), " is another file now than the one that was to get this name: it is left");
        return;
    }
    if (long r = sys::unlink_at(AT_FDCWD, link.name.c_str()); r < 0 && r != -ENOENT)
        log::warning("the temporary name ", printable(link.name),
                     " cannot be removed: ", errno_text(static_cast<int>(-r)), "; remove it by hand");
}

} // namespace

void permit_temporary_links(const image::Dir &images)
{
    Fd record = sys::open_at(images.fd(), kRecord, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

void remove_temporary_links(const image::Dir &images)
{
    Fd record = open_record(images);
    if (!record)
        return;
    size_t size = static_cast<size_t>(sys::stat_of(record.get(), kRecord).st_size);
    std::string text(std::min(size, kLargestRecord), '\0');
    text.resize(sys::pread_up_to(record.get(), text.data(), text.size(), 0, kRecord));
    for (std::string_view rest = text; !rest.empty();)
        if (auto link = parse_link(take_until(rest, '\0')))
            remove(*link);
    forget_temporary_links(images);
}

void forget_temporary_links(const image::Dir &images)
{
    long r = sys::unlink_at(images.fd(), kRecord);
    if (r < 0 && r != -ENOENT && r != -EROFS)
        log::warning(kRecord, " in ", printable(images.path()),
                     " cannot be removed: ", errno_text(static_cast<int>(-r)));
}

std::string link_obstacle(const std::string &via, const std::string &directory)
{
    constexpr unsigned kMask = STATX_BASIC_STATS | STATX_MNT_ID;
    struct statx file, dir;
    struct statvfs fs;
    for (auto [path, to] : {std::pair(&via, &file), std::pair(&directory, &dir)})
        if (long r = sys::call(SYS_statx, AT_FDCWD, path->c_str(), 0, kMask, to); r < 0)
            return cat(printable(*path), " cannot be looked at: ", errno_text(static_cast<int>(-r)));
    uint64_t fixed = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
    if (file.stx_attributes & fixed)
        return "the file is immutable or may only be appended to";
    if (dir.stx_attributes & STATX_ATTR_IMMUTABLE)
        return cat("the directory ", printable(directory), " is immutable");
    bool same_mount = (file.stx_mask & dir.stx_mask & STATX_MNT_ID) == 0 || file.stx_mnt_id == dir.stx_mnt_id;
    if (!same_mount || file.stx_dev_major != dir.stx_dev_major || file.stx_dev_minor != dir.stx_dev_minor)
        return cat("the directory ", printable(directory), " is on another mount than the file");
    if (::statvfs(directory.c_str(), &fs) == 0 && fs.f_flag & ST_RDONLY)
        return cat("the file system at ", printable(directory), " is mounted for reading only");
    return {};
}

std::string TemporaryLinks::make(const image::Dir &images, const struct stat &st, const std::string &via,
                                 const std::string &directory)
{
    std::lock_guard lock(mutex_);
    std::string &name = made_[{st.st_dev, st.st_ino}];
    if (!name.empty() || images.is_null())
        return name;
    Fd record = open_record(images);
    if (!record)
        failed_with(0, "give the file a temporary name: the dump was undone");
    for (;; next_++) {
        std::string path = cat(directory == "/" ? "" : directory, "/", kTemporaryLink, next_);
        if (sys::stat_at(AT_FDCWD, path.c_str()))
            continue;
        timespec now;
        ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
        std::string text = cat(st.st_dev, " ", st.st_ino, " ", now.tv_sec, " ", now.tv_nsec, " ", path);
        sys::write_all(record.get(), text.c_str(), text.size() + 1, kRecord);
        long r = sys::call(SYS_linkat, AT_FDCWD, via.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW);
        if (r == -EEXIST)
            failed_with(EEXIST, cat("make the temporary name ", printable(path)), "dump again");
        sys::check(r, [&] { return cat("make the temporary name ", printable(path)); });
        next_++;
        return name = path;
    }
}

} // namespace cr::files
