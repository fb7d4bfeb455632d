#include "libcr/ns/cgroup_dump.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/ns/cgroup_properties.h"
#include "libcr/sys/cgroupfs.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <set>

namespace cr::ns
{

namespace
{

std::vector<std::string> split(std::string_view list)
{
    std::vector<std::string> out;
    do
        out.emplace_back(take_until(list, ','));
    while (!list.empty());
    return out;
}

void put_owner(const struct stat &about, img::cgroup_perms &out)
{
    out.set_mode(about.st_mode & 07777);
    out.set_uid(about.st_uid);
    out.set_gid(about.st_gid);
}

// The directories of one hierarchy.
class Hierarchy
{
  public:
    Hierarchy(const std::string &controllers, const CgroupOptions &options, const CgroupProperties &properties,
              const CgroupOverride &frozen)
        : controllers_(controllers), options_(options), properties_(properties), frozen_(frozen),
          root_(sys::open_cgroup_hierarchy(controllers, options.yard))
    {
    }

    void dump(const std::set<std::string> &tops, img::cg_controller_entry &out);

  private:
    void dump_directory(int fd, img::cgroup_dir_entry &out, int depth);
    void dump_property(int dir, const std::string &name, img::cgroup_dir_entry &out);
    std::vector<std::string> controllers_of(int dir) const;

    const std::string &controllers_;
    const CgroupOptions &options_;
    const CgroupProperties &properties_;
    const CgroupOverride &frozen_;
    Fd root_;
};

void Hierarchy::dump(const std::set<std::string> &tops, img::cg_controller_entry &out)
{
    for (const std::string &name : split(controllers_))
        out.add_cnames(name);
    for (const std::string &top : tops) {
        auto name = [&] { return cat("control group ", controllers_, ":", printable(top)); };
        Subject subject(name);
        Fd fd = sys::open_at(root_.get(), top.c_str() + 1, O_RDONLY | O_DIRECTORY);
        img::cgroup_dir_entry &dir = *out.add_dirs();
        dir.set_dir_name(top.substr(1));
        dump_directory(fd.get(), dir, 0);
        if (controllers_.empty())
            if (auto type = sys::read_cgroup_file(fd.get(), "cgroup.type"); type == "threaded")
                out.set_is_threaded(true);
    }
}

std::vector<std::string> Hierarchy::controllers_of(int dir) const
{
    if (!controllers_.empty())
        return split(controllers_);
    std::vector<std::string> out;
    std::string text = sys::read_cgroup_file(dir, "cgroup.controllers").value_or("");
    std::string_view rest = text;
    for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest))
        out.emplace_back(word);
    return out;
}

void Hierarchy::dump_directory(int fd, img::cgroup_dir_entry &out, int depth)
{
    constexpr int kDeepest = 100; // far from what a reader of images takes for an attack
    if (depth > kDeepest)
        refused("it has directories nested too deep");
    put_owner(sys::stat_of(fd, "a control group"), *out.mutable_dir_perms());
    if (options_.mode != CgroupMode::None) {
        for (const std::string &name : CgroupProperties::common(controllers_.empty()))
            dump_property(fd, name, out);
        for (const std::string &controller : controllers_of(fd)) {
            const auto &only = options_.only_controllers;
            if (!only.empty() && std::find(only.begin(), only.end(), controller) == only.end())
                continue;
            for (const std::string &name : properties_.of(controller))
                dump_property(fd, name, out);
        }
        if (frozen_.inode && sys::stat_of(fd, "a control group").st_ino == frozen_.inode &&
            frozen_.value == "FROZEN") {
            img::cgroup_prop_entry &property = *out.add_properties();
            property.set_name(frozen_.property);
            property.set_value(frozen_.value);
        }
    }
    for (const std::string &name : sys::names_in(fd, "a control group")) {
        auto about = sys::stat_at(fd, name.c_str());
        if (!about || !S_ISDIR(about->st_mode))
            continue;
        long child = sys::try_open_at(fd, name.c_str(), O_RDONLY | O_DIRECTORY);
        if (sys::is_gone(child))
            continue;
        Fd dir(static_cast<int>(sys::check(child, [&] { return "open the control group " + name; })));
        img::cgroup_dir_entry &entry = *out.add_children();
        entry.set_dir_name(name);
        dump_directory(dir.get(), entry, depth + 1);
    }
}

void Hierarchy::dump_property(int dir, const std::string &name, img::cgroup_dir_entry &out)
{
    auto about = sys::stat_at(dir, name.c_str());
    if (!about)
        return;
    std::string value;
    // Who is in a directory is told by the sets.
    if (name != "cgroup.procs" && name != "cgroup.threads" && name != "tasks") {
        auto read = sys::read_cgroup_file(dir, name);
        if (!read)
            return;
        value = std::move(*read);
    }
    if (name == frozen_.property && sys::stat_of(dir, "a control group").st_ino == frozen_.inode)
        value = frozen_.value;
    img::cgroup_prop_entry &property = *out.add_properties();
    property.set_name(name);
    property.set_value(value);
    put_owner(*about, *property.mutable_perms());
}

// The directories to begin with: those of the sets that are not below another one, or the root that was
// asked for. Never that of the whole hierarchy, nor the one that we are in ourselves: they are not the tree's.
std::set<std::string> tops_of(const CgroupSets &sets, const std::string &controllers,
                              const CgroupOptions &options)
{
    std::set<std::string> all;
    for (size_t i = CgroupSets::kOwn; i < sets.sets().size(); i++)
        for (const proc::Cgroup &place : sets.sets()[i]) {
            if (place.controllers != controllers)
                continue;
            const std::string *root = root_for(options.roots, controllers);
            if (root && !is_below(place.path, *root))
                refused(cat("a task is in the control group ", controllers, ":", printable(place.path),
                            ", which is not below the --cgroup-root ", *root),
                        "give one that is above all of the tree");
            all.insert(root ? *root : place.path);
        }
    for (const proc::Cgroup &place : sets.sets().front())
        if (place.controllers == controllers)
            all.erase(place.path);
    all.erase("/");
    std::set<std::string> out;
    for (const std::string &path : all)
        if (std::none_of(all.begin(), all.end(), [&](const std::string &other) {
                return other != path && is_below(path, other);
            }))
            out.insert(path);
    return out;
}

} // namespace

uint32_t CgroupSets::id_of(const std::string &text)
{
    auto [found, fresh] = ids_.emplace(text, static_cast<uint32_t>(sets_.size() + 1));
    if (fresh)
        sets_.push_back(proc::parse_cgroups(text));
    return found->second;
}

void CgroupSets::check(const std::string &text)
{
    for (const proc::Cgroup &place : proc::parse_cgroups(text))
        if (place.path.starts_with("/.."))
            refused(cat("it is in the control group ", place.controllers, ":", printable(place.path),
                        ", outside of our cgroup namespace"),
                    "run the dump outside of that namespace, or give --manage-cgroups=ignore");
}

img::cgroup_entry dump_cgroups(const CgroupSets &sets, const CgroupOptions &options,
                               const CgroupOverride &frozen)
{
    CgroupProperties properties;
    properties.add(options.properties);
    img::cgroup_entry out;
    for (size_t i = 0; i < sets.sets().size(); i++) {
        img::cg_set_entry &set = *out.add_sets();
        set.set_id(static_cast<uint32_t>(i + 1));
        for (const proc::Cgroup &place : sets.sets()[i]) {
            img::cg_member_entry &member = *set.add_ctls();
            member.set_name(place.controllers);
            member.set_path(place.path);
        }
    }
    for (const proc::Cgroup &place : sets.sets().front()) {
        std::set<std::string> tops = tops_of(sets, place.controllers, options);
        if (tops.empty())
            continue;
        img::cg_controller_entry controller;
        try {
            Hierarchy(place.controllers, options, properties, frozen).dump(tops, controller);
        } catch (const Error &error) {
            if (options.asked)
                throw;
            log::warning("the properties of control groups are not kept: ", error.what());
            continue;
        }
        *out.add_controllers() = std::move(controller);
    }
    return out;
}

} // namespace cr::ns
