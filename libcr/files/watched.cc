#include "libcr/files/watched.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/plan.h"
#include "libcr/files/tree.h"
#include "libcr/proc/mountinfo.h"
#include "libcr/sys/file.h"

#include <climits>
#include <cstring>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

namespace cr::files
{

namespace
{

constexpr int kHandleWords = sys::kMaxHandle / 8; // CRIU stores that many, whatever is used
constexpr int kDeep = 64;                         // directories below one another that are scanned
constexpr const char *kLikely[] = {
    "/etc", "/var/spool", "/var/log", "/lib/udev", "/usr/share/dbus-1", "/usr/share/polkit-1", "/var/lib"};

dev_t decode(uint32_t s_dev) { return makedev(s_dev >> 20, s_dev & 0xfffff); }
uint32_t encode(dev_t dev) { return major(dev) << 20 | minor(dev); }

std::string handle_bytes(const img::fh_entry &handle)
{
    std::string out;
    for (uint64_t word : handle.handle())
        out.append(reinterpret_cast<const char *>(&word), sizeof word);
    out.resize(handle.bytes());
    return out;
}

std::string proc_name(int fd) { return cat("/proc/self/fd/", fd); }

Fd try_handle(int mount, const img::fh_entry &handle)
{
    std::string bytes = handle_bytes(handle);
    long r =
        sys::try_open_handle(mount, static_cast<int>(handle.type()), bytes.data(), handle.bytes(), O_PATH);
    return Fd(r < 0 ? -1 : static_cast<int>(r));
}

// Calls work(id, s_dev, path) for each mount until it returns true. Those mounted as a whole are as good as any.
template <class Work> void for_all_mounts(const Work &work)
{
    for (const proc::Mount &mount : proc::mounts_of("self"))
        if (work(mount.id, encode(mount.dev), mount.point))
            return;
}

template <class Work> void for_mounts(uint32_t s_dev, const Work &work)
{
    for_all_mounts([&](int id, uint32_t dev, std::string path) {
        return dev == s_dev && work(id, std::move(path));
    });
}

Fd open_mount(const std::string &path)
{
    long r = sys::try_open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK);
    return Fd(r < 0 ? -1 : static_cast<int>(r));
}

} // namespace

void parse_handle(std::string_view line, img::fh_entry &to)
{
    std::optional<uint32_t> bytes, type;
    std::string_view hex;
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
        std::string_view key = take_until(word, ':');
        if (key == "fhandle-bytes")
            bytes = parse_int<uint32_t>(word, 16);
        else if (key == "fhandle-type")
            type = parse_int<uint32_t>(word, 16);
        else if (key == "f_handle")
            hex = word;
    }
    to.set_bytes(bytes.value_or(0));
    to.set_type(type.value_or(0));
    if (to.bytes() > sys::kMaxHandle || hex.size() != 2 * size_t{to.bytes()})
        failed_with(0, cat("understand a file handle of ", to.bytes(), " bytes"));
    uint64_t words[kHandleWords] = {};
    for (size_t i = 0; i < to.bytes(); i++) {
        auto byte = parse_int<uint8_t>(hex.substr(2 * i, 2), 16);
        if (!byte)
            failed_with(0, "understand a file handle");
        reinterpret_cast<uint8_t *>(words)[i] = *byte;
    }
    for (uint64_t word : words)
        to.add_handle(word);
}

void check_handle(const img::fh_entry &handle)
{
    if (handle.bytes() > sys::kMaxHandle || handle.handle_size() > kHandleWords ||
        size_t{handle.bytes()} > 8 * static_cast<size_t>(handle.handle_size()))
        bad_image(cat("a file handle of ", handle.bytes(), " bytes in ", handle.handle_size(), " words"));
    if (handle.has_path() && (handle.path().empty() || handle.path().size() >= PATH_MAX ||
                              handle.path().find('\0') != std::string::npos))
        bad_image(cat("\"", printable(handle.path().substr(0, 200)), "\" is no name of a file"));
}

Fd open_handle(uint32_t s_dev, const img::fh_entry &handle)
{
    Fd found;
    for_mounts(s_dev, [&](int, const std::string &path) {
        Fd mount = open_mount(path);
        found = mount ? try_handle(mount.get(), handle) : Fd();
        if (found && sys::stat_of(found.get(), "a file by its handle").st_nlink == 0)
            found.reset();
        return static_cast<bool>(found);
    });
    return found;
}

bool put_handle(const struct stat &st, const std::string &via, img::cr_file_id_entry &to)
{
    sys::FileHandle handle;
    if (sys::file_handle_of(via.c_str(), handle) < 0)
        return false;
    to.set_s_dev(encode(st.st_dev));
    to.set_ino(st.st_ino);
    img::fh_entry &entry = *to.mutable_handle();
    entry.set_bytes(handle.bytes);
    entry.set_type(static_cast<uint32_t>(handle.type));
    uint64_t words[kHandleWords];
    std::memcpy(words, handle.handle, sizeof words);
    for (uint64_t word : words)
        entry.add_handle(word);
    return true;
}

void put_mount(std::optional<uint32_t> id, uint32_t s_dev, img::fanotify_mount_mark_entry &to)
{
    for_all_mounts([&](int found, uint32_t dev, std::string path) {
        if (id ? static_cast<uint32_t>(found) != *id : dev != s_dev)
            return false;
        to.set_mnt_id(static_cast<uint32_t>(found));
        to.set_path(std::move(path));
        return true;
    });
    if (!to.has_path())
        refused(id ? cat("it watches the mount ", *id, ", which is not among ours")
                   : cat("it watches the file system ", s_dev >> 20, ":", s_dev & 0xfffff, ", which is not mounted here"),
                "let the program end the watch");
}

WatchedFiles::WatchedFiles(Tree &tree) : tree_(tree)
{
    for (const Description &description : tree.descriptions())
        open_.emplace(Inode(description.facts.st.st_dev, description.facts.st.st_ino), &description);
    add_scan_roots();
}

void WatchedFiles::add_scan_roots()
{
    for (const char *path : kLikely)
        roots_.push_back({path, kDeep});
    for (const Description &description : tree_.descriptions()) {
        std::string path = description.facts.link;
        if (!path.starts_with('/'))
            continue;
        roots_.push_back({path, S_ISDIR(description.facts.st.st_mode) ? 1 : 0});
        roots_.push_back({path.substr(0, std::max<size_t>(path.rfind('/'), 1)), 1});
    }
    for (const std::string &path : tree_.options().irmap_scan_paths)
        roots_.push_back({path, kDeep});
}

Fd WatchedFiles::open_handle(const WatchedInode &inode, int &mount_id)
{
    auto [known, is_new] = mounts_.try_emplace(inode.s_dev);
    std::vector<Mount> &mounts = known->second;
    if (is_new)
        for_mounts(inode.s_dev, [&](int id, std::string path) {
            if (Fd fd = open_mount(path))
                mounts.push_back({id, std::move(path), std::move(fd)});
            return false;
        });
    for (const Mount &mount : mounts) {
        mount_id = mount.id;
        if (Fd fd = try_handle(mount.fd.get(), inode.handle))
            return fd;
    }
    return Fd();
}

void WatchedFiles::scan(const std::string &path, dev_t dev, int depth)
{
    auto st = sys::stat_at(AT_FDCWD, path.c_str());
    if (!st)
        return;
    scanned_.emplace(Inode(st->st_dev, st->st_ino), path);
    if (depth == 0 || !S_ISDIR(st->st_mode) || (dev && st->st_dev != dev))
        return;
    long dir = sys::try_open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOATIME);
    if (dir < 0)
        return;
    Fd fd(static_cast<int>(dir));
    for (const std::string &name : sys::names_in(fd.get(), path))
        scan(cat(path == "/" ? "" : path, "/", name), st->st_dev, depth - 1);
}

std::optional<std::string> WatchedFiles::scan_for(const WatchedInode &inode)
{
    for (;;) {
        auto found = scanned_.find(Inode(decode(inode.s_dev), inode.ino));
        if (found != scanned_.end())
            return found->second;
        if (roots_.empty())
            return std::nullopt;
        Root root = std::move(roots_.back());
        roots_.pop_back();
        scan(root.path, 0, root.depth);
    }
}

const Description *WatchedFiles::find(WatchedInode &inode)
{
    Inode key(decode(inode.s_dev), inode.ino);
    int mount_id = -1;
    if (Fd fd = open_handle(inode, mount_id)) {
        struct stat st = sys::stat_of(fd.get(), "a watched file");
        key = Inode(st.st_dev, st.st_ino);
        inode.handle.set_mnt_id(static_cast<uint32_t>(mount_id));
        auto path = sys::readlink_at(AT_FDCWD, proc_name(fd.get()).c_str());
        auto named = path ? sys::stat_at(AT_FDCWD, path->c_str()) : std::nullopt;
        if (!tree_.options().force_irmap && named && Inode(named->st_dev, named->st_ino) == key) {
            inode.handle.set_path(*path);
            return nullptr;
        }
    }
    auto [first, last] = open_.equal_range(key);
    for (auto each = first; each != last; ++each)
        if (each->second->facts.st.st_nlink == 0)
            return each->second;
    if (auto path = scan_for(inode)) {
        inode.handle.set_path(*path);
        return nullptr;
    }
    if (first != last)
        return first->second;
    refused(cat("it watches the inode ", inode.ino, " of the device ", major(key.first), ":",
                minor(key.first), ", and no name of that file can be found"),
            "tell where the file may be by --irmap-scan-path, or let the program end the watch");
}

WatchedName::WatchedName(const WatchedInode &inode, const img::file_entry *target, const Opener &opener)
{
    if (target) {
        path_ = proc_name(opener.plan.number(*target));
        by_target_ = true;
        return;
    }
    const img::fh_entry &handle = inode.handle;
    std::optional<struct stat> st;
    if (handle.has_path()) {
        path_ = handle.path().starts_with('/') ? handle.path() : "/" + handle.path();
        st = sys::stat_at(AT_FDCWD, path_.c_str());
        if (st && st->st_ino == inode.ino && encode(st->st_dev) == inode.s_dev)
            return;
    }
    if (handle.bytes())
        handle_ = open_handle(inode.s_dev, handle);
    by_handle_ = static_cast<bool>(handle_);
    if (by_handle_)
        path_ = proc_name(handle_.get());
    else if (!st)
        failed_with(ENOENT,
                    handle.has_path() ? cat("find the watched file ", printable(path_))
                                      : cat("find the watched inode ", inode.ino),
                    "it was there at the dump: put it back under this name");
}

} // namespace cr::files
