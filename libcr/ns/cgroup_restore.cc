#include "libcr/ns/cgroup_restore.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/ns/cgroup_properties.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/sys/cgroupfs.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <ctime>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace cr::ns
{

namespace
{

std::string name_of(const std::string &controllers, const std::string &path)
{
    return cat("control group ", controllers, ":", printable(path));
}

constexpr const char *kOther = "give --cgroup-root for another place, or --manage-cgroups=ignore to do without";

bool is_version_2(const std::string &controllers) { return controllers.empty(); }

// Whether tasks that come into it stand still.
bool is_frozen(int dir)
{
    if (auto state = sys::read_cgroup_file(dir, "freezer.state"))
        return *state != "THAWED";
    return sys::read_cgroup_file(dir, "cgroup.events").value_or("").find("frozen 1") != std::string::npos;
}

const proc::Cgroup *place_in(const std::vector<proc::Cgroup> &places, const std::string &controllers)
{
    for (const proc::Cgroup &place : places)
        if (place.controllers == controllers)
            return &place;
    return nullptr;
}

// A file that takes one line at a time, and other words than it tells.
std::vector<std::string> lines_to_write(const std::string &name, const std::string &value)
{
    std::vector<std::string> out;
    if (name == "cgroup.subtree_control") {
        std::string_view rest = value;
        for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest))
            out.push_back(cat("+", word));
        return out;
    }
    if (name == "memory.oom_control") { // "oom_kill_disable 0", "under_oom 0", ...
        std::string_view rest = value;
        take_word(rest);
        return {std::string(take_word(rest))};
    }
    for (std::string_view rest = value; !rest.empty();)
        out.emplace_back(take_until(rest, '\n'));
    return out;
}

} // namespace

CgroupRestore::CgroupRestore(const CgroupPlan &plan, const CgroupOptions &options,
                             const std::set<pid_t> &taken)
    : plan_(plan), options_(options)
{
    if (plan_.empty())
        return;
    own_ = proc::parse_cgroups(proc::PidDir(::getpid()).read("cgroup"));
    for (const CgroupDirectory &directory : plan_.directories)
        if (!is_ours(directory))
            root_of(directory.controllers);
    long at = sys::check(sys::call(SYS_mmap, nullptr, plan_.directories.size() + 1, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                         "get memory to share");
    made_ = reinterpret_cast<unsigned char *>(at);
    watcher_ = std::make_unique<sys::Watcher>("cr-cgroups", [this] { remove_made(); }, taken);
}

CgroupRestore::~CgroupRestore()
{
    if (!made_)
        return;
    if (!kept_)
        remove_made();
    watcher_.reset();
    ::munmap(made_, plan_.directories.size() + 1);
}

void CgroupRestore::keep()
{
    kept_ = true;
    watcher_.reset();
}

// Those who were in them may take a moment to be gone.
void CgroupRestore::remove_made() const
{
    constexpr int kTries = 500;
    constexpr timespec kMoment{0, 10'000'000};
    for (size_t i = plan_.directories.size(); i-- > 0;) {
        if (!made_[i])
            continue;
        const CgroupDirectory &directory = plan_.directories[i];
        int root = roots_.at(directory.controllers).get();
        for (int tries = 0; tries < kTries; tries++) {
            if (sys::unlink_at(root, directory.path.c_str() + 1, AT_REMOVEDIR) != -EBUSY)
                break;
            sys::call(SYS_nanosleep, &kMoment, nullptr);
        }
        made_[i] = 0;
    }
}

// It is there, as we are in it or below it, and nothing is to be done to it.
bool CgroupRestore::is_ours(const CgroupDirectory &directory) const
{
    const proc::Cgroup *ours = place_in(own_, directory.controllers);
    return !directory.entry && ours && is_below(ours->path, directory.path);
}

const Fd &CgroupRestore::root_of(const std::string &controllers)
{
    auto [found, fresh] = roots_.try_emplace(controllers);
    // To mount one that is not there would take its controllers away from where they are.
    if (fresh && !controllers.starts_with("name=") && !place_in(own_, controllers))
        refused(cat("this machine has no hierarchy of control groups '",
                    controllers.empty() ? "unified" : controllers, "', in which the tree was"),
                "--manage-cgroups=ignore does without");
    if (fresh)
        found->second = sys::open_cgroup_hierarchy(controllers, options_.yard);
    return found->second;
}

Fd CgroupRestore::open_directory(const std::string &controllers, const std::string &path)
{
    const char *relative = path == "/" ? "." : path.c_str() + 1;
    return sys::open_at(root_of(controllers).get(), relative, O_RDONLY | O_DIRECTORY);
}

// True when it was not there before.
bool CgroupRestore::make_directory(size_t number)
{
    const CgroupDirectory &directory = plan_.directories[number];
    int root = root_of(directory.controllers).get();
    const char *path = directory.path.c_str() + 1;
    if (sys::stat_at(root, path)) {
        if (options_.mode == CgroupMode::Strict && directory.entry)
            refused("it is there already", "--manage-cgroups=strict takes only new ones");
        return false;
    }
    if (options_.mode == CgroupMode::None || options_.mode == CgroupMode::Props)
        refused("it is not there", "make it, or give --manage-cgroups=soft to have it made");
    made_[number] = 1;
    long r = sys::mkdir_at(root, path, 0755);
    if (r < 0)
        made_[number] = 0;
    if (r == -EEXIST)
        return false;
    sys::check(r, "make it");
    return true;
}

void CgroupRestore::make()
{
    for (size_t i = 0; i < plan_.directories.size(); i++) {
        const CgroupDirectory &directory = plan_.directories[i];
        auto name = [&] { return name_of(directory.controllers, directory.path); };
        Subject subject(name);
        if (is_ours(directory))
            continue;
        bool fresh = make_directory(i);
        bool put = options_.mode == CgroupMode::Full || options_.mode == CgroupMode::Props ||
                   (fresh && options_.mode != CgroupMode::None);
        if (put)
            put_properties(directory, fresh);
    }
}

void CgroupRestore::put_properties(const CgroupDirectory &directory, bool fresh)
{
    Fd dir = open_directory(directory.controllers, directory.path);
    // What is on the way to others passes on what it has; a cpuset takes no tasks without its lists.
    auto as_above = [&](const char *name, const char *prefix) {
        auto theirs = sys::read_cgroup_file(dir.get(), cat("../", name));
        auto ours = sys::read_cgroup_file(dir.get(), name);
        if (!theirs || !ours || !ours->empty())
            return;
        std::string all;
        std::string_view rest = *theirs;
        for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest))
            all += cat(all.empty() ? "" : " ", prefix, word);
        if (!all.empty() && sys::write_cgroup_file(dir.get(), name, all) < 0)
            log::debug(name, " cannot be as it is above");
    };
    if (fresh && !is_version_2(directory.controllers)) {
        as_above("cpuset.cpus", "");
        as_above("cpuset.mems", "");
    }
    if (!directory.entry) {
        if (fresh && is_version_2(directory.controllers))
            as_above("cgroup.subtree_control", "+");
        return;
    }
    for (const img::cgroup_prop_entry &property : directory.entry->properties())
        put_property(directory, dir.get(), property);
    if (directory.entry->has_dir_perms()) {
        const img::cgroup_perms &perms = directory.entry->dir_perms();
        sys::check(sys::call(SYS_fchown, dir.get(), perms.uid(), perms.gid()), "give it to its owner");
        sys::check(sys::call(SYS_fchmod, dir.get(), perms.mode() & 07777), "set its mode");
    }
}

void CgroupRestore::put_property(const CgroupDirectory &directory, int dir,
                                 const img::cgroup_prop_entry &property)
{
    const std::string &name = property.name();
    auto text = [&] { return printable(name); };
    Subject subject(text);
    std::string value(trim(property.value()));
    bool members = name == "cgroup.procs" || name == "cgroup.threads" || name == "tasks";
    if (name == "freezer.state" || name == "cgroup.freeze") {
        if (value == "FROZEN" || value == "1")
            frozen_.push_back({directory.controllers, directory.path, name, value});
    } else if (name == "devices.list") {
        // New directories permit what is permitted above, so all is taken first.
        if (sys::read_cgroup_file(dir, name) != value) {
            sys::check(sys::write_cgroup_file(dir, "devices.deny", "a"), "forbid all devices");
            for (const std::string &line : lines_to_write(name, value))
                sys::check(sys::write_cgroup_file(dir, "devices.allow", line), "permit devices");
        }
    } else if (!members && (name != "cgroup.type" || value == "threaded")) {
        auto now = sys::read_cgroup_file(dir, name);
        long failed = now ? 0 : -ENOENT;
        if (now && trim(*now) != value)
            for (const std::string &line : lines_to_write(name, value))
                if (long r = sys::write_cgroup_file(dir, name, line); r < 0)
                    failed = r;
        if (failed < 0 && may_be_missing(name))
            log::warning(name_of(directory.controllers, directory.path), ": the limit ", name,
                         " cannot be set: ", errno_text(static_cast<int>(-failed)));
        else if (failed < 0)
            sys::check(failed, cat("set it to '", printable(value), "'"));
    }
    if (!property.has_perms() || !sys::stat_at(dir, name.c_str()))
        return;
    const img::cgroup_perms &perms = property.perms();
    sys::check(sys::call(SYS_fchownat, dir, name.c_str(), perms.uid(), perms.gid(), AT_SYMLINK_NOFOLLOW),
               "give it to its owner");
    sys::check(sys::call(SYS_fchmodat, dir, name.c_str(), perms.mode() & 07777), "set its mode");
}

const std::vector<proc::Cgroup> &CgroupRestore::places_of(uint32_t set) const
{
    auto found = plan_.sets.find(set);
    return found == plan_.sets.end() ? own_ : found->second;
}

void CgroupRestore::enter(pid_t id, uint32_t from, uint32_t set, bool thread)
{
    const std::vector<proc::Cgroup> &before = places_of(from);
    for (const proc::Cgroup &place : places_of(set)) {
        const proc::Cgroup *now = place_in(before, place.controllers);
        if (now ? now->path != place.path : place.path != "/")
            move(place, id, thread);
    }
}

void CgroupRestore::move(const proc::Cgroup &place, pid_t id, bool thread)
{
    auto name = [&] { return cat("pid ", id, ", ", name_of(place.controllers, place.path)); };
    Subject subject(name);
    const char *file = !thread ? "cgroup.procs" : is_version_2(place.controllers) ? "cgroup.threads" : "tasks";
    auto write = [&](std::string path) {
        Fd dir = open_directory(place.controllers, path);
        if (is_frozen(dir.get()))
            refused("it is frozen, and so would be who comes into it", "thaw it");
        return sys::write_cgroup_file(dir.get(), file, cat(id));
    };
    long r = write(place.path);
    // A process comes into a threaded directory by way of the one at the head of those.
    if (r == -EOPNOTSUPP && !thread)
        for (std::string path = place.path; r == -EOPNOTSUPP && path.rfind('/') > 0;) {
            path.resize(path.rfind('/'));
            if (write(path) == 0)
                r = write(place.path);
        }
    if (r < 0)
        failed_with(static_cast<int>(-r), "enter it", kOther);
}

void CgroupRestore::freeze()
{
    for (const Frozen &frozen : frozen_) {
        try {
            Fd dir = open_directory(frozen.controllers, frozen.path);
            sys::check(sys::write_cgroup_file(dir.get(), frozen.property, frozen.value), "freeze it");
        } catch (const Error &error) {
            log::warning(name_of(frozen.controllers, frozen.path), ": ", error.what());
        }
    }
}

} // namespace cr::ns
