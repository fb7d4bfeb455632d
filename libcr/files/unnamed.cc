#include "libcr/files/unnamed.h"

#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/facts.h"
#include "libcr/files/message_queue.h"
#include "libcr/files/temporary_links.h"
#include "libcr/image/writer.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <climits>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
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
constexpr size_t kLargestAttribute = 64 << 10;
constexpr int64_t kNsPerUs = 1000;

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
        // A temporary one may be of this dump, and will be gone.
        if (auto st = sys::stat_at(fd.get(), other.c_str());
            st && !other.starts_with(kTemporaryLink) && st->st_dev == facts.st.st_dev && st->st_ino == facts.st.st_ino)
            return cat(directory == "/" ? "" : directory, "/", other);
    return {};
}

// Another node of the device, as the kernel names it below /dev; empty when there is none.
std::string other_node(const Facts &facts)
{
    char text[512];
    std::string about = cat("/sys/dev/", S_ISCHR(facts.st.st_mode) ? "char/" : "block/", major(facts.st.st_rdev), ":",
                            minor(facts.st.st_rdev), "/uevent");
    long opened = sys::try_open_at(AT_FDCWD, about.c_str(), O_RDONLY);
    if (opened < 0)
        return {};
    Fd fd(static_cast<int>(opened));
    for (std::string_view rest(text, sys::read_up_to(fd.get(), text, sizeof text, about)); !rest.empty();) {
        std::string_view line = take_until(rest, '\n');
        if (take_until(line, '=') != "DEVNAME")
            continue;
        std::string name = cat("/dev/", line);
        auto st = sys::stat_at(AT_FDCWD, name.c_str());
        bool same = st && (st->st_mode & S_IFMT) == (facts.st.st_mode & S_IFMT) && st->st_rdev == facts.st.st_rdev;
        return same ? name : std::string();
    }
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

void put_attributes(const std::string &via, img::ghost_file_entry &ghost)
{
    std::string names(kLargestAttribute, '\0');
    long size = sys::call(SYS_listxattr, via.c_str(), names.data(), names.size());
    for (std::string_view rest(names.data(), size > 0 ? static_cast<size_t>(size) : 0); !rest.empty();) {
        std::string name(take_until(rest, '\0'));
        std::string value(kLargestAttribute, '\0');
        long n = sys::call(SYS_getxattr, via.c_str(), name.c_str(), value.data(), value.size());
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

// Of a file that has a name, but none that is known.
std::optional<Blocker> link_blocker(const Facts &facts, const DumpOptions &options, const std::string &via,
                                    const std::string &name)
{
    const char *reason = "this name of the file has been removed; it has another one, but not in the same directory";
    if (!options.link_remap)
        return blocker_of(facts, reason, "use --link-remap, put the name back, or close the file");
    std::string obstacle = link_obstacle(via, existing_directory(name));
    if (!obstacle.empty())
        return blocker_of(facts, cat(reason, ", and no temporary one can be made: ", obstacle),
                          "put the name back, or close the file");
    return std::nullopt;
}

} // namespace

std::string directory_of(const std::string &name)
{
    size_t slash = name.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : name.substr(0, slash);
}

std::string existing_directory(const std::string &name)
{
    std::string directory = directory_of(name);
    for (;; directory = directory_of(directory)) {
        auto st = sys::stat_at(AT_FDCWD, cat(directory, "/.").c_str());
        if (directory == "/" || (st && S_ISDIR(st->st_mode)))
            return directory;
    }
}

bool is_device(const Facts &facts) { return S_ISCHR(facts.st.st_mode) || S_ISBLK(facts.st.st_mode); }

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
    if (is_message_queue(facts, via))
        return find_message_queue(facts, via);
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
    if (facts.st.st_nlink == 0) {
        out.how = FoundName::How::Ghost;
        out.blocker = ghost_blocker(facts, options, via);
        return out;
    }
    if (std::string node = options.evasive_devices && is_device(facts) ? other_node(facts) : ""; !node.empty()) {
        out.how = FoundName::How::Elsewhere;
        out.name = node;
    } else if (facts.link.starts_with("(unreachable)")) {
        out.blocker = blocker_of(facts, "the file is on a file system that is not mounted here any more");
    } else if (r < 0 && r != -ENOENT && r != -ENAMETOOLONG) {
        out.blocker =
            blocker_of(facts, cat("its name cannot be looked up: ", errno_text(static_cast<int>(-r))));
    } else if (out.name != facts.link) {
        std::string other = other_name(facts, out.name);
        out.how = other.empty() ? FoundName::How::Link : FoundName::How::Elsewhere;
        if (other.empty())
            out.blocker = link_blocker(facts, options, via, out.name);
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
    } else if (S_ISLNK(facts.st.st_mode)) {
        Fd symlink = sys::open_at(AT_FDCWD, via.c_str(), O_PATH);
        ghost.set_symlnk_target(sys::readlink_at(symlink.get(), "").value_or(""));
    }
    put_attributes(via, ghost);
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

void GhostWriter::add_link(uint32_t file_id, uint32_t link_id)
{
    std::lock_guard lock(mutex_);
    links_[file_id] = link_id;
}

void GhostWriter::write(const image::Dir &images) const
{
    if (remaps_.empty() && dead_.empty() && links_.empty())
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
    put(links_, img::LINKED);
    writer.finish();
}

} // namespace cr::files
