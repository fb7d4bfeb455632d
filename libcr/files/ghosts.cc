#include "libcr/files/ghosts.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/temporary_links.h"
#include "libcr/files/unnamed.h"
#include "libcr/files/watched.h"
#include "libcr/image/reader.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <climits>
#include <sys/syscall.h>
#include <sys/xattr.h>

namespace cr::files
{

namespace
{

constexpr uint64_t kPiece = 1 << 20; // what is held in memory of a large one
constexpr size_t kMostAttributes = 1024, kLargestAttribute = 64 << 10;
constexpr int64_t kNsPerUs = 1000;
// Modes until all is complete.
constexpr mode_t kEarlyFile = 0600, kEarlyDirectory = 0700;

void check_ghost(const image::RecordReader &reader, const img::ghost_file_entry &ghost)
{
    mode_t type = ghost.mode() & S_IFMT;
    if (ghost.mode() & ~(S_IFMT | 07777u))
        reader.fail(cat("mode ", ghost.mode()));
    constexpr mode_t kTypes[] = {S_IFREG, S_IFDIR, S_IFIFO, S_IFCHR, S_IFBLK, S_IFLNK, S_IFSOCK};
    if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes))
        reader.fail(cat("a file of type ", type >> 12));
    const std::string &target = ghost.symlnk_target();
    if (S_ISLNK(type) && (target.empty() || target.size() >= PATH_MAX || target.find('\0') != std::string::npos))
        reader.fail("a symbolic link without a target");
    if (type == S_IFREG && ghost.chunks() && !ghost.has_size())
        reader.fail("chunks of a file without a size");
    if (ghost.size() > INT64_MAX)
        reader.fail(cat("size ", ghost.size()));
    if (static_cast<size_t>(ghost.cr_xattr_size()) > kMostAttributes)
        reader.fail(cat(ghost.cr_xattr_size(), " extended attributes"));
    for (const img::cr_xattr_entry &attribute : ghost.cr_xattr())
        if (attribute.name().empty() || attribute.name().size() > XATTR_NAME_MAX ||
            attribute.value().size() > kLargestAttribute || attribute.name().find('\0') != std::string::npos)
            reader.fail(cat("extended attribute \"", printable(attribute.name().substr(0, 99)), "\""));
}

void copy_piece(image::RecordReader &reader, int fd, uint64_t at, uint64_t length)
{
    for (std::string bytes; length; length -= bytes.size(), at += bytes.size()) {
        bytes = reader.payload(std::min(length, kPiece));
        for (size_t done = 0; done < bytes.size();) {
            long n = sys::call(SYS_pwrite64, fd, bytes.data() + done, bytes.size() - done, at + done);
            done += static_cast<size_t>(sys::check(n, "write the deleted file's contents"));
        }
    }
}

void copy_contents(image::RecordReader &reader, const img::ghost_file_entry &ghost, int fd)
{
    if (!ghost.chunks())
        return copy_piece(reader, fd, 0, reader.remaining());
    sys::check(sys::call(SYS_ftruncate, fd, ghost.size()), "set the deleted file's size");
    img::ghost_chunk_entry chunk;
    while (reader.next(chunk)) {
        if (chunk.off() > ghost.size() || chunk.len() > ghost.size() - chunk.off())
            reader.fail(cat("a chunk of ", chunk.len(), " bytes at ", chunk.off(), " of ", ghost.size()));
        copy_piece(reader, fd, chunk.off(), chunk.len());
    }
}

timespec time_of(const img::timeval &time, uint32_t ns)
{
    return {static_cast<time_t>(time.tv_sec()),
            static_cast<long>(std::min<uint64_t>(time.tv_usec(), 999999) * kNsPerUs + ns % kNsPerUs)};
}

// Through a path, since a directory or a FIFO is there as O_PATH only.
void set_attributes(int fd, const img::ghost_file_entry &ghost)
{
    std::string path = cat("/proc/self/fd/", fd);
    sys::check(sys::call(SYS_fchownat, AT_FDCWD, path.c_str(), ghost.uid(), ghost.gid(), 0),
               "give the deleted file to its owner");
    if (!S_ISLNK(ghost.mode()))
        sys::check(sys::call(SYS_fchmodat, AT_FDCWD, path.c_str(), ghost.mode() & 07777),
                   "set the deleted file's mode");
    for (const img::cr_xattr_entry &attribute : ghost.cr_xattr())
        sys::check(sys::call(SYS_setxattr, path.c_str(), attribute.name().c_str(), attribute.value().data(),
                             attribute.value().size(), 0),
                   [&] { return cat("set the deleted file's attribute ", printable(attribute.name())); });
    if (ghost.has_atim() && ghost.has_mtim()) {
        timespec times[2] = {time_of(ghost.atim(), ghost.cr_atim_ns()),
                             time_of(ghost.mtim(), ghost.cr_mtim_ns())};
        sys::check(sys::call(SYS_utimensat, AT_FDCWD, path.c_str(), times, 0),
                   "set the deleted file's times");
    }
}

// "/tmp/#4711": the file never had a name, and may still get one by linkat(2).
bool never_had_a_name(const std::string &name)
{
    std::string_view base(name);
    base.remove_prefix(base.rfind('/') + 1);
    return base.size() > 1 && base[0] == '#' &&
           base.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

} // namespace

// Names that are there only while this object lives.
class Scaffold
{
  public:
    Scaffold() = default;
    ~Scaffold()
    {
        for (auto each = names_.rbegin(); each != names_.rend(); ++each)
            sys::unlink_at(AT_FDCWD, each->first.c_str(), each->second ? AT_REMOVEDIR : 0);
    }
    Scaffold(const Scaffold &) = delete;
    Scaffold &operator=(const Scaffold &) = delete;

    void add(std::string name, bool directory) { names_.emplace_back(std::move(name), directory); }
    // The directories on the way to `name`. What cannot be made is missed by who needs it.
    void make_way(const std::string &name)
    {
        std::vector<std::string> missing;
        std::string existing = existing_directory(name);
        for (std::string each = directory_of(name); each != existing; each = directory_of(each))
            missing.push_back(each);
        for (auto each = missing.rbegin(); each != missing.rend(); ++each)
            if (sys::mkdir_at(AT_FDCWD, each->c_str(), kEarlyDirectory) == 0)
                add(*each, true);
    }

  private:
    std::vector<std::pair<std::string, bool>> names_;
};

namespace
{

std::string spare_name(const std::string &name, uint32_t id)
{
    std::string directory = existing_directory(name);
    return cat(directory == "/" ? "" : directory, "/.cr-ghost-", id);
}

[[noreturn]] void refuse_left(const std::string &spare)
{
    refused(cat(printable(spare), ", a name that is needed for a moment, is there already"),
            "a restore that was killed may have left it: remove it if no other one is running");
}

Fd open_path(const std::string &path)
{
    return sys::open_at(AT_FDCWD, path.c_str(), O_PATH | O_NOFOLLOW);
}

Fd make_regular(image::RecordReader &reader, const img::ghost_file_entry &ghost, const std::string &name,
                uint32_t id, Scaffold &scaffold)
{
    std::string directory = existing_directory(name);
    long opened = sys::try_open_at(AT_FDCWD, directory.c_str(), O_TMPFILE | O_RDWR, kEarlyFile);
    if (opened == -EOPNOTSUPP || opened == -EISDIR) { // a file system that has no such files
        std::string spare = spare_name(name, id);
        opened = sys::try_open_at(AT_FDCWD, spare.c_str(), O_CREAT | O_EXCL | O_RDWR, kEarlyFile);
        if (opened >= 0)
            scaffold.add(spare, false);
    }
    if (opened == -EEXIST)
        refuse_left(spare_name(name, id));
    sys::check(opened, [&] { return cat("make a file without a name in ", printable(directory)); });
    Fd fd(static_cast<int>(opened));
    copy_contents(reader, ghost, fd.get());
    return fd;
}

// Made under the old name, or another one where that is in use.
Fd make_empty(const img::ghost_file_entry &ghost, const std::string &old_name, uint32_t id, Scaffold &scaffold)
{
    bool directory = S_ISDIR(ghost.mode());
    auto make = [&](const std::string &name) {
        if (directory)
            return sys::mkdir_at(AT_FDCWD, name.c_str(), kEarlyDirectory);
        if (S_ISLNK(ghost.mode()))
            return sys::call(SYS_symlink, ghost.symlnk_target().c_str(), name.c_str());
        return sys::call(SYS_mknod, name.c_str(), (ghost.mode() & S_IFMT) | kEarlyFile, ghost.rdev());
    };
    std::string name = old_name;
    long made = make(name);
    if (made == -EEXIST || made == -ENOENT) {
        name = spare_name(old_name, id);
        made = make(name);
        if (made == -EEXIST)
            refuse_left(name);
    }
    sys::check(made, [&] { return cat("make ", printable(name)); });
    scaffold.add(name, directory);
    return open_path(name);
}

// Its handle, if the images tell it; else nothing more is known.
Fd open_link(const img::reg_file_entry &link)
{
    long opened = sys::try_open_at(AT_FDCWD, link.name().c_str(), O_PATH | O_NOFOLLOW);
    if (opened >= 0)
        return Fd(static_cast<int>(opened));
    Fd fd;
    if (link.has_cr_file())
        fd = open_handle(link.cr_file().s_dev(), link.cr_file().handle());
    if (!fd)
        failed_with(static_cast<int>(-opened), cat("open the temporary name ", printable(link.name())),
                    "the file had this name since the dump: put it back");
    return fd;
}

bool is_since(const struct stat &st, const timespec &since)
{
    return std::pair(st.st_ctim.tv_sec, st.st_ctim.tv_nsec) >= std::pair(since.tv_sec, since.tv_nsec);
}

void remove_left_ghost(const img::ghost_file_entry &ghost, const std::string &name, size_t names,
                       const timespec &since)
{
    auto st = sys::stat_at(AT_FDCWD, name.c_str());
    if (!st || (st->st_mode & S_IFMT) != (ghost.mode() & S_IFMT) || !is_since(*st, since))
        return;
    bool directory = S_ISDIR(st->st_mode);
    if (!S_ISLNK(st->st_mode) && (st->st_mode & 07777) != (directory ? kEarlyDirectory : kEarlyFile))
        return;
    if (directory || st->st_nlink <= names + 1)
        sys::unlink_at(AT_FDCWD, name.c_str(), directory ? AT_REMOVEDIR : 0);
}

} // namespace

Ghosts Ghosts::read(const image::Dir &images, const FindEntry &find)
{
    Ghosts out;
    auto remaps = image::read_all<img::remap_file_path_entry>(images, image::Kind::RemapFpath);
    for (const img::remap_file_path_entry &remap : remaps) {
        const img::reg_file_entry *file = find(remap.orig_id());
        if (!file)
            bad_image(cat("remap-fpath.img: there is no file ", remap.orig_id()));
        if (remap.has_remap_type() && remap.remap_type() == img::PROCFS) {
            out.dead_.insert(remap.orig_id());
            continue;
        }
        Key key{!remap.has_remap_type() || remap.remap_type() == img::LINKED, remap.remap_id()};
        out.file_of_[remap.orig_id()] = key;
        out.names_[key].insert(file->name());
        if (key.link) {
            const img::reg_file_entry *link = find(key.id);
            if (!link || key.id == remap.orig_id())
                bad_image(cat("remap-fpath.img: there is no file ", key.id));
            if (link->has_cr_file())
                check_handle(link->cr_file().handle());
            out.links_[key.id] = *link;
            continue;
        }
        if (out.entries_.count(key.id))
            continue;
        image::RecordReader reader(images, image::Kind::GhostFile, key.id);
        img::ghost_file_entry ghost;
        if (!reader.next(ghost))
            bad_image(cat(reader.name(), ": it is empty"));
        check_ghost(reader, ghost);
        out.entries_[key.id] = std::move(ghost);
    }
    out.note_missing_directories();
    out.note_what_is_there();
    return out;
}

void Ghosts::note_what_is_there()
{
    for (auto &[key, names] : names_) {
        std::set<std::string> all = names;
        if (!key.link)
            all.insert(spare_name(*names.begin(), key.id));
        for (const std::string &name : all)
            if (sys::stat_at(AT_FDCWD, name.c_str()))
                there_.insert(name);
    }
}

void Ghosts::note_missing_directories()
{
    std::set<std::string> missing;
    for (auto &[key, names] : names_)
        for (const std::string &name : names) {
            if (!name.starts_with('/'))
                continue;
            std::string existing = existing_directory(name);
            for (std::string each = directory_of(name); each != existing; each = directory_of(each))
                missing.insert(each);
        }
    missing_.assign(missing.begin(), missing.end()); // what is within another comes after it
}

Fd Ghosts::make_first(const image::Dir &images, Key key, const std::string &name, Scaffold &scaffold) const
{
    if (key.link)
        return open_link(links_.at(key.id));
    const img::ghost_file_entry &ghost = entries_.at(key.id);
    if (!S_ISREG(ghost.mode()))
        return make_empty(ghost, name, key.id, scaffold);
    image::RecordReader reader(images, image::Kind::GhostFile, key.id);
    img::ghost_file_entry again;
    if (!reader.next(again))
        bad_image(cat(reader.name(), ": it is empty"));
    return make_regular(reader, again, name, key.id, scaffold);
}

Ghosts::Made Ghosts::make(const image::Dir &images, Key key) const
{
    Made out;
    const std::set<std::string> &names = names_.at(key);
    Fd first;
    {
        Scaffold scaffold;
        for (const std::string &name : names)
            if (!never_had_a_name(name))
                scaffold.make_way(name);
        first = make_first(images, key, *names.begin(), scaffold);
        std::string path = cat("/proc/self/fd/", first.get());
        struct stat st = sys::stat_of(first.get(), "the file without a name");
        for (const std::string &name : names) {
            Fd &named = out[name];
            // By then the file has that name already, or none by which it shall be known.
            bool linked = !S_ISDIR(st.st_mode) && !never_had_a_name(name) &&
                          sys::call(SYS_linkat, AT_FDCWD, path.c_str(), AT_FDCWD, name.c_str(),
                                    AT_SYMLINK_FOLLOW) == 0;
            if (linked) {
                scaffold.add(name, false);
                named = open_path(name);
            } else {
                named = Fd(static_cast<int>(sys::check(sys::try_fcntl(first.get(), F_DUPFD_CLOEXEC),
                                                       "keep a file without a name")));
            }
        }
    }
    if (!key.link)
        set_attributes(first.get(), entries_.at(key.id));
    return out;
}

void Ghosts::remove_left(const timespec &since) const
{
    for (auto &[key, names] : names_) {
        auto link = key.link ? sys::stat_at(AT_FDCWD, links_.at(key.id).name().c_str()) : std::nullopt;
        for (const std::string &name : names) {
            if (there_.count(name))
                continue;
            if (!key.link) {
                remove_left_ghost(entries_.at(key.id), name, names.size(), since);
                continue;
            }
            auto st = sys::stat_at(AT_FDCWD, name.c_str());
            if (st && link && st->st_dev == link->st_dev && st->st_ino == link->st_ino && is_since(*st, since))
                sys::unlink_at(AT_FDCWD, name.c_str());
        }
        std::string spare = spare_name(*names.begin(), key.id);
        if (!key.link && !there_.count(spare))
            remove_left_ghost(entries_.at(key.id), spare, names.size(), since);
    }
    for (auto each = missing_.rbegin(); each != missing_.rend(); ++each)
        if (auto st = sys::stat_at(AT_FDCWD, each->c_str());
            st && S_ISDIR(st->st_mode) && (st->st_mode & 07777) == kEarlyDirectory && is_since(*st, since))
            sys::unlink_at(AT_FDCWD, each->c_str(), AT_REMOVEDIR);
}

void Ghosts::remove_links() const
{
    for (auto &[id, link] : links_) {
        const std::string &name = link.name();
        auto st = sys::stat_at(AT_FDCWD, name.c_str());
        if (!st || S_ISDIR(st->st_mode) || !name.substr(name.rfind('/') + 1).starts_with(kTemporaryLink))
            continue;
        if (link.has_cr_file() && link.cr_file().ino() != st->st_ino)
            continue;
        if (long r = sys::unlink_at(AT_FDCWD, name.c_str()); r < 0)
            log::warning("the temporary name ", printable(name),
                         " cannot be removed: ", errno_text(static_cast<int>(-r)), "; remove it by hand");
    }
}

} // namespace cr::files
