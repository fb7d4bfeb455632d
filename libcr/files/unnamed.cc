#include "libcr/files/unnamed.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/facts.h"
#include "libcr/image/reader.h"
#include "libcr/image/writer.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <climits>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

constexpr std::string_view kDeleted = " (deleted)";
constexpr uint64_t kWhole = 12 << 10; // smaller ones are stored in one piece
constexpr uint64_t kPiece = 1 << 20;  // what is held in memory of a larger one
constexpr size_t kMostAttributes = 1024, kLargestAttribute = 64 << 10;
constexpr int64_t kNsPerUs = 1000;
// Modes until all is complete.
constexpr mode_t kEarlyFile = 0600, kEarlyDirectory = 0700;

std::string directory_of(const std::string &name)
{
    size_t slash = name.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : name.substr(0, slash);
}

std::string size_text(uint64_t bytes)
{
    return bytes < 10 << 20 ? cat((bytes + 1023) / 1024, " KiB") : cat((bytes + (1 << 20) - 1) >> 20, " MiB");
}

// Another name of the file in the directory of its old one; empty when there is none.
std::string other_name(const Facts &facts, const std::string &name)
{
    std::string directory = directory_of(name);
    long opened = sys::try_open_at(AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY);
    if (opened < 0)
        return {};
    Fd fd(static_cast<int>(opened));
    for (const std::string &other : sys::names_in(fd.get(), directory))
        if (auto st = sys::stat_at(fd.get(), other.c_str());
            st && st->st_dev == facts.st.st_dev && st->st_ino == facts.st.st_ino)
            return cat(directory == "/" ? "" : directory, "/", other);
    return {};
}

bool is_in_memory(const std::string &via)
{
    struct statfs fs {
    };
    return sys::call(SYS_statfs, via.c_str(), &fs) == 0 &&
           (fs.f_type == TMPFS_MAGIC || static_cast<uint64_t>(fs.f_type) == RAMFS_MAGIC);
}

std::optional<Blocker> ghost_blocker(const Facts &facts, const DumpOptions &options, const std::string &via)
{
    if (!S_ISREG(facts.st.st_mode))
        return std::nullopt;
    uint64_t bytes = static_cast<uint64_t>(facts.st.st_blocks) * 512;
    if (bytes <= options.ghost_limit || is_in_memory(via))
        return std::nullopt;
    return blocker_of(facts,
                      cat("the file has been deleted and has ", size_text(bytes),
                          " on disk; deleted files of up to ", size_text(options.ghost_limit),
                          " are put into the images"),
                      cat("use --ghost-limit ", (bytes >> 20) + 1, "M"));
}

// ---- dump ----

void put_attributes(int fd, img::ghost_file_entry &ghost)
{
    std::string names(kLargestAttribute, '\0');
    long size = sys::call(SYS_flistxattr, fd, names.data(), names.size());
    for (std::string_view rest(names.data(), size > 0 ? static_cast<size_t>(size) : 0); !rest.empty();) {
        std::string name(take_until(rest, '\0'));
        std::string value(kLargestAttribute, '\0');
        long n = sys::call(SYS_fgetxattr, fd, name.c_str(), value.data(), value.size());
        if (n < 0) // the file system's own, which nobody may read
            continue;
        img::cr_xattr_entry &attribute = *ghost.add_cr_xattr();
        attribute.set_name(name);
        attribute.set_value(value.substr(0, static_cast<size_t>(n)));
    }
}

img::ghost_file_entry describe_ghost(const struct stat &st)
{
    img::ghost_file_entry ghost;
    ghost.set_uid(st.st_uid);
    ghost.set_gid(st.st_gid);
    ghost.set_mode(st.st_mode);
    ghost.set_dev(static_cast<uint32_t>(st.st_dev));
    ghost.set_ino(st.st_ino);
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        ghost.set_rdev(static_cast<uint32_t>(st.st_rdev));
    ghost.mutable_atim()->set_tv_sec(static_cast<uint64_t>(st.st_atim.tv_sec));
    ghost.mutable_atim()->set_tv_usec(static_cast<uint64_t>(st.st_atim.tv_nsec / kNsPerUs));
    ghost.mutable_mtim()->set_tv_sec(static_cast<uint64_t>(st.st_mtim.tv_sec));
    ghost.mutable_mtim()->set_tv_usec(static_cast<uint64_t>(st.st_mtim.tv_nsec / kNsPerUs));
    ghost.set_cr_atim_ns(static_cast<uint32_t>(st.st_atim.tv_nsec % kNsPerUs));
    ghost.set_cr_mtim_ns(static_cast<uint32_t>(st.st_mtim.tv_nsec % kNsPerUs));
    if (S_ISREG(st.st_mode)) {
        ghost.set_size(static_cast<uint64_t>(st.st_size));
        ghost.set_chunks(static_cast<uint64_t>(st.st_size) >= kWhole);
    }
    return ghost;
}

void put_piece(image::Writer &writer, int fd, uint64_t at, uint64_t length, bool chunk)
{
    std::string bytes(length, '\0');
    // A file that shrinks meanwhile has no reader that could tell.
    sys::pread_up_to(fd, bytes.data(), length, at, "the deleted file");
    if (chunk) {
        img::ghost_chunk_entry record;
        record.set_len(length);
        record.set_off(at);
        writer.put(record);
    }
    writer.put_raw(bytes.data(), bytes.size());
}

void put_contents(image::Writer &writer, int fd, const img::ghost_file_entry &ghost)
{
    if (!ghost.chunks())
        return put_piece(writer, fd, 0, ghost.size(), false);
    for (uint64_t at = 0; at < ghost.size();) {
        long data = sys::call(SYS_lseek, fd, at, SEEK_DATA);
        if (data == -ENXIO) // holes up to the end
            return;
        uint64_t begin = static_cast<uint64_t>(sys::check(data, "find data in the deleted file"));
        long hole = sys::call(SYS_lseek, fd, begin, SEEK_HOLE);
        uint64_t end = std::min(static_cast<uint64_t>(sys::check(hole, "find a hole in the deleted file")),
                                ghost.size());
        for (at = begin; at < end; at += std::min(kPiece, end - at))
            put_piece(writer, fd, at, std::min(kPiece, end - at), true);
        at = std::max(at, end);
    }
}

// ---- restore ----

void check_ghost(const image::RecordReader &reader, const img::ghost_file_entry &ghost)
{
    mode_t type = ghost.mode() & S_IFMT;
    if (ghost.mode() & ~(S_IFMT | 07777u))
        reader.fail(cat("mode ", ghost.mode()));
    if (type != S_IFREG && type != S_IFDIR && type != S_IFIFO)
        refused(cat(reader.name(), ": deleted files of type ", type >> 12, " are not supported yet"));
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

// The directory of the old name, or what is left of the way to it.
std::string existing_directory(const std::string &name)
{
    std::string directory = directory_of(name);
    for (;; directory = directory_of(directory)) {
        auto st = sys::stat_at(AT_FDCWD, cat(directory, "/.").c_str());
        if (directory == "/" || (st && S_ISDIR(st->st_mode)))
            return directory;
    }
}

Fd open_path(const std::string &path, int flags = 0)
{
    return sys::open_at(AT_FDCWD, path.c_str(), O_PATH | flags);
}

// `made` by its old name, so that this is what the kernel shows of it; as it is where the name is in use.
Fd under_its_name(Fd made, const std::string &name)
{
    std::string path = cat("/proc/self/fd/", made.get());
    if (never_had_a_name(name) ||
        sys::call(SYS_linkat, AT_FDCWD, path.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) < 0)
        return open_path(path);
    long fd = sys::try_open_at(AT_FDCWD, name.c_str(), O_PATH | O_NOFOLLOW);
    sys::unlink_at(AT_FDCWD, name.c_str());
    return fd < 0 ? open_path(path) : Fd(static_cast<int>(fd));
}

Fd make_regular(image::RecordReader &reader, const img::ghost_file_entry &ghost, const std::string &name)
{
    std::string directory = existing_directory(name);
    long opened = sys::try_open_at(AT_FDCWD, directory.c_str(), O_TMPFILE | O_RDWR, kEarlyFile);
    if (opened == -EOPNOTSUPP || opened == -EISDIR) { // a file system that has no such files
        std::string beside = cat(directory, "/.cr-ghost-", ::getpid());
        opened = sys::try_open_at(AT_FDCWD, beside.c_str(), O_CREAT | O_EXCL | O_RDWR, kEarlyFile);
        if (opened >= 0)
            sys::unlink_at(AT_FDCWD, beside.c_str());
    }
    sys::check(opened, [&] { return cat("make a file without a name in ", printable(directory)); });
    Fd fd(static_cast<int>(opened));
    copy_contents(reader, ghost, fd.get());
    Fd named = under_its_name(std::move(fd), name);
    set_attributes(named.get(), ghost);
    return named;
}

// Made under the old name, or one beside it where that is in use.
Fd make_empty(const img::ghost_file_entry &ghost, const std::string &old_name)
{
    bool directory = S_ISDIR(ghost.mode());
    std::string name = old_name;
    auto make = [&] {
        return directory ? sys::mkdir_at(AT_FDCWD, name.c_str(), kEarlyDirectory)
                         : sys::call(SYS_mknod, name.c_str(), (ghost.mode() & S_IFMT) | kEarlyFile, 0);
    };
    long made = make();
    if (made == -EEXIST || made == -ENOENT) {
        name = cat(existing_directory(old_name), "/.cr-ghost-", ::getpid());
        made = make();
    }
    sys::check(made, [&] { return cat("make ", printable(name)); });
    long fd = sys::try_open_at(AT_FDCWD, name.c_str(), O_PATH | O_NOFOLLOW);
    sys::unlink_at(AT_FDCWD, name.c_str(), directory ? AT_REMOVEDIR : 0);
    Fd owned(static_cast<int>(sys::check(fd, [&] { return cat("open ", printable(name)); })));
    set_attributes(owned.get(), ghost);
    return owned;
}

} // namespace

std::string via_of(const Facts &facts)
{
    return facts.fd == kCwd    ? cat("/proc/", facts.pid, "/cwd")
           : facts.fd == kRoot ? cat("/proc/", facts.pid, "/root")
                               : cat("/proc/", facts.pid, "/fd/", facts.fd);
}

FoundName find_name(const Facts &facts, const DumpOptions &options)
{
    return find_name(facts, options, via_of(facts));
}

FoundName find_name(const Facts &facts, const DumpOptions &options, const std::string &via)
{
    auto is_it = [&](const std::string &name, struct stat &st) {
        return sys::call(SYS_newfstatat, AT_FDCWD, name.c_str(), &st, AT_SYMLINK_NOFOLLOW);
    };
    FoundName out;
    out.name = facts.link;
    struct stat st;
    long r = is_it(out.name, st);
    if (r == 0 && st.st_dev == facts.st.st_dev && st.st_ino == facts.st.st_ino)
        return out;
    if (out.name.ends_with(kDeleted))
        out.name.resize(out.name.size() - kDeleted.size());
    mode_t type = facts.st.st_mode & S_IFMT;
    if (facts.st.st_nlink == 0) {
        out.how = FoundName::How::Ghost;
        if (type != S_IFREG && type != S_IFDIR && type != S_IFIFO)
            out.blocker = blocker_of(facts,
                                     "it has been deleted, and is neither a file, directory nor FIFO: such "
                                     "are not supported yet",
                                     "close it before the dump");
        else
            out.blocker = ghost_blocker(facts, options, via);
        return out;
    }
    if (facts.link.starts_with("(unreachable)")) {
        out.blocker = blocker_of(facts, "the file is on a file system that is not mounted here any more");
    } else if (r < 0 && r != -ENOENT && r != -ENAMETOOLONG) {
        out.blocker =
            blocker_of(facts, cat("its name cannot be looked up: ", errno_text(static_cast<int>(-r))));
    } else if (out.name != facts.link) {
        std::string other = other_name(facts, out.name);
        out.how = FoundName::How::Elsewhere;
        if (other.empty())
            out.blocker = blocker_of(facts,
                                     "this name of the file has been removed; it has another one, but not in "
                                     "the same directory",
                                     "put the name back, or close the file");
        else
            out.name = other;
    } else {
        out.blocker = blocker_of(facts, "the name leads to another file now (hidden under a mount)",
                                 "unmount what hides it");
    }
    return out;
}

void GhostWriter::add(const image::Dir &images, uint32_t file_id, const Facts &facts, const std::string &via)
{
    std::lock_guard lock(mutex_);
    auto [id, is_new] =
        ids_.try_emplace({facts.st.st_dev, facts.st.st_ino}, static_cast<uint32_t>(ids_.size() + 1));
    remaps_[file_id] = id->second;
    if (!is_new)
        return;
    img::ghost_file_entry ghost = describe_ghost(facts.st);
    Fd fd;
    if (S_ISREG(facts.st.st_mode)) {
        long opened = sys::try_open_at(AT_FDCWD, via.c_str(), O_RDONLY | O_NOATIME);
        if (opened == -EPERM)
            opened = sys::try_open_at(AT_FDCWD, via.c_str(), O_RDONLY);
        fd = Fd(static_cast<int>(sys::check(opened, "open the deleted file")));
        put_attributes(fd.get(), ghost);
    }
    image::Writer writer(images, image::Kind::GhostFile, id->second);
    writer.put(ghost);
    if (fd)
        put_contents(writer, fd.get(), ghost);
    writer.finish();
}

void GhostWriter::add_dead(uint32_t file_id, pid_t pid)
{
    std::lock_guard lock(mutex_);
    dead_[file_id] = static_cast<uint32_t>(pid);
}

void GhostWriter::write(const image::Dir &images) const
{
    if (remaps_.empty() && dead_.empty())
        return;
    image::Writer writer(images, image::Kind::RemapFpath);
    auto put = [&](const std::map<uint32_t, uint32_t> &remaps, img::remap_type type) {
        for (auto [file, to] : remaps) {
            img::remap_file_path_entry remap;
            remap.set_orig_id(file);
            remap.set_remap_id(to);
            remap.set_remap_type(type);
            writer.put(remap);
        }
    };
    put(remaps_, img::GHOST);
    put(dead_, img::PROCFS);
    writer.finish();
}

Ghosts Ghosts::read(const image::Dir &images, const std::function<bool(uint32_t)> &known)
{
    Ghosts out;
    auto remaps = image::read_all<img::remap_file_path_entry>(images, image::Kind::RemapFpath);
    for (const img::remap_file_path_entry &remap : remaps) {
        if (!known(remap.orig_id()))
            bad_image(cat("remap-fpath.img: there is no file ", remap.orig_id()));
        if (remap.remap_type() == img::PROCFS) {
            out.dead_.insert(remap.orig_id());
            continue;
        }
        if (!remap.has_remap_type() || remap.remap_type() != img::GHOST)
            refused(
                cat("file ", remap.orig_id(), " was given a temporary name (link_remap): not supported yet"));
        out.by_file_[remap.orig_id()] = remap.remap_id();
        if (out.entries_.count(remap.remap_id()))
            continue;
        image::RecordReader reader(images, image::Kind::GhostFile, remap.remap_id());
        img::ghost_file_entry ghost;
        if (!reader.next(ghost))
            bad_image(cat(reader.name(), ": it is empty"));
        check_ghost(reader, ghost);
        out.entries_[remap.remap_id()] = std::move(ghost);
    }
    return out;
}

Fd Ghosts::make(const image::Dir &images, uint32_t file_id, const std::string &name) const
{
    uint32_t id = by_file_.at(file_id);
    const img::ghost_file_entry &ghost = entries_.at(id);
    if (!S_ISREG(ghost.mode()))
        return make_empty(ghost, name);
    image::RecordReader reader(images, image::Kind::GhostFile, id);
    img::ghost_file_entry again;
    if (!reader.next(again))
        bad_image(cat(reader.name(), ": it is empty"));
    return make_regular(reader, again, name);
}

void Ghosts::remove_left(uint32_t file_id, const std::string &name, const timespec &since) const
{
    const img::ghost_file_entry &ghost = entries_.at(by_file_.at(file_id));
    auto st = sys::stat_at(AT_FDCWD, name.c_str());
    if (!st || (st->st_mode & S_IFMT) != (ghost.mode() & S_IFMT))
        return;
    bool directory = S_ISDIR(st->st_mode);
    if ((st->st_mode & 07777) != (directory ? kEarlyDirectory : kEarlyFile))
        return;
    auto earlier = [](const timespec &a, const timespec &b) {
        return std::pair(a.tv_sec, a.tv_nsec) < std::pair(b.tv_sec, b.tv_nsec);
    };
    if (!earlier(st->st_ctim, since) && (directory || st->st_nlink == 1))
        sys::unlink_at(AT_FDCWD, name.c_str(), directory ? AT_REMOVEDIR : 0);
}

} // namespace cr::files
