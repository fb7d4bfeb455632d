#include "libcr/sys/cgroupfs.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <vector>

namespace cr::sys
{

namespace
{

constexpr int kSetFlag = 0, kSetString = 1, kCreate = 6; // FSCONFIG_*

long set_flag(int fs, const std::string &flag) { return call(SYS_fsconfig, fs, kSetFlag, flag.c_str(), 0, 0); }

// Of version 1 by its controllers and its name, as mount(8) would be told.
long choose(int fs, std::string_view controllers)
{
    bool none = true;
    for (std::string_view rest = controllers; !rest.empty();) {
        std::string one(take_until(rest, ','));
        long r = 0;
        if (one.starts_with("name=")) {
            r = call(SYS_fsconfig, fs, kSetString, "name", one.c_str() + 5, 0);
        } else {
            none = false;
            r = set_flag(fs, one);
        }
        if (r < 0)
            return r;
    }
    return none ? set_flag(fs, "none") : 0;
}

// The root of a mount of our own, or -errno.
long mount_apart(const std::string &controllers)
{
    constexpr int kCloexec = 1; // FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC
    long fs = call(SYS_fsopen, controllers.empty() ? "cgroup2" : "cgroup", kCloexec);
    if (fs < 0)
        return fs;
    Fd context(static_cast<int>(fs));
    if (long r = controllers.empty() ? 0 : choose(context.get(), controllers); r < 0)
        return r;
    if (long r = call(SYS_fsconfig, context.get(), kCreate, 0, 0, 0); r < 0)
        return r;
    return call(SYS_fsmount, context.get(), kCloexec, 0);
}

bool is_cgroupfs(int fd, bool version_2)
{
    struct statfs about {
    };
    return call(SYS_fstatfs, fd, &about) == 0 &&
           about.f_type == (version_2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

Fd open_if_cgroupfs(const std::string &path, bool version_2)
{
    long fd = try_open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
    Fd out(fd < 0 ? -1 : static_cast<int>(fd));
    return out && is_cgroupfs(out.get(), version_2) ? std::move(out) : Fd();
}

Fd find_in_yard(const std::string &controllers, const std::string &yard)
{
    std::vector<std::string> names{controllers};
    if (controllers.empty())
        names = {"unified", "cgroup2", "."};
    else if (controllers.starts_with("name="))
        names.push_back(controllers.substr(5));
    for (std::string_view rest = controllers; !rest.empty();)
        names.emplace_back(take_until(rest, ','));
    for (const std::string &name : names)
        if (Fd fd = open_if_cgroupfs(yard + "/" + name, controllers.empty()))
            return fd;
    failed_with(ENOENT, cat("find the hierarchy of control groups '",
                            controllers.empty() ? "unified" : printable(controllers), "' in ", yard));
}

bool has_all(std::string_view options, std::string_view controllers)
{
    std::string with_commas = cat(",", options, ",");
    while (!controllers.empty())
        if (with_commas.find(cat(",", take_until(controllers, ','), ",")) == std::string::npos)
            return false;
    return true;
}

// Where all of the hierarchy is mounted, in our mount namespace.
Fd find_mounted(const std::string &controllers)
{
    std::string text;
    Fd fd = open_at(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY);
    for (size_t had = 0;;) {
        text.resize(had + 65536);
        size_t n = read_up_to(fd.get(), text.data() + had, 65536, "/proc/self/mountinfo");
        had += n;
        if (n < 65536) {
            text.resize(had);
            break;
        }
    }
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view line = take_until(rest, '\n');
        size_t dash = line.find(" - ");
        if (dash == std::string_view::npos)
            continue;
        std::string_view tail = line.substr(dash + 3);
        std::string_view type = take_word(tail);
        take_word(tail);
        if (type != (controllers.empty() ? "cgroup2" : "cgroup") || !has_all(take_word(tail), controllers))
            continue;
        for (int skip = 0; skip < 3; skip++)
            take_word(line);
        if (take_word(line) != "/")
            continue;
        if (Fd found = open_if_cgroupfs(std::string(take_word(line)), controllers.empty()))
            return found;
    }
    return {};
}

} // namespace

Fd open_cgroup_hierarchy(const std::string &controllers, const std::string &yard)
{
    if (!yard.empty())
        return find_in_yard(controllers, yard);
    long fd = mount_apart(controllers);
    if (fd >= 0)
        return Fd(static_cast<int>(fd));
    if (Fd found = find_mounted(controllers))
        return found;
    failed_with(static_cast<int>(-fd),
                cat("reach the hierarchy of control groups '",
                    controllers.empty() ? "unified" : printable(controllers), "'"),
                "that needs CAP_SYS_ADMIN and a kernel that has it, or --cgroup-yard; "
                "--manage-cgroups=ignore does without");
}

std::optional<std::string> read_cgroup_file(int dir, const std::string &name)
{
    long fd = try_open_at(dir, name.c_str(), O_RDONLY);
    if (fd == -ENOENT)
        return std::nullopt;
    check(fd, [&] { return "open " + name; });
    Fd file(static_cast<int>(fd));
    std::string out;
    for (;;) {
        size_t had = out.size();
        out.resize(had + 4096);
        long n = call(SYS_read, file.get(), out.data() + had, 4096);
        if (n == -EOPNOTSUPP)
            return std::nullopt;
        check(n, [&] { return "read " + name; });
        out.resize(had + static_cast<size_t>(n));
        if (n == 0)
            break;
    }
    if (out.ends_with('\n'))
        out.pop_back();
    return out;
}

long write_cgroup_file(int dir, const std::string &name, const std::string &value)
{
    long fd = try_open_at(dir, name.c_str(), O_WRONLY);
    if (fd < 0)
        return fd;
    Fd file(static_cast<int>(fd));
    long r = call(SYS_write, file.get(), value.data(), value.size());
    return r < 0 ? r : 0;
}

} // namespace cr::sys
