#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/ns/cgroup_restore.h"

#include <algorithm>

namespace cr::ns
{

namespace
{

bool is_word(std::string_view text, std::string_view also)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               also.find(c) != std::string_view::npos;
    });
}

void check_controllers(std::string_view list)
{
    while (!list.empty()) {
        std::string_view one = take_until(list, ',');
        if (one.starts_with("name="))
            one.remove_prefix(5);
        if (!is_word(one, "_.-") || one.size() > 64)
            bad_image("cgroup.img: a controller has an impossible name");
    }
}

std::string checked_path(std::string_view path)
{
    try {
        if (path.size() < 4096)
            return tidy_path(path);
    } catch (const Error &) {
        // Said below.
    }
    bad_image("cgroup.img: a path leaves its hierarchy or is too long");
}

// A release agent is a program that the kernel would run for whoever wrote the image.
void check_property(const img::cgroup_prop_entry &property)
{
    if (!is_word(property.name(), "_.-") || property.name().starts_with('.') ||
        property.name() == "release_agent" || property.value().size() > 65536)
        bad_image("cgroup.img: a directory has an impossible property");
}

// What all of some paths are below.
std::string common_directory(const std::vector<std::string> &paths)
{
    std::string_view out = "/";
    if (!paths.empty())
        out = paths.front();
    for (const std::string &path : paths)
        while (!is_below(path, out))
            out = out.substr(0, std::max<size_t>(out.rfind('/'), 1));
    return std::string(out);
}

// Paths of a hierarchy with another root in the place of the one that the tree had.
struct Move {
    std::string from = "/", to = "/";

    std::string of(const std::string &path) const
    {
        if (!is_below(path, from))
            return path;
        std::string_view rest = std::string_view(path).substr(from == "/" ? 1 : from.size());
        if (rest.starts_with('/'))
            rest.remove_prefix(1);
        return rest.empty() ? to : path_in(to, rest);
    }
};

} // namespace

// A directory, after those on the way to it. The root of a hierarchy is always there and nobody's own.
void CgroupPlan::add_path(const std::string &controllers, const std::string &path,
                          const img::cgroup_dir_entry *entry)
{
    if (path == "/")
        return;
    for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        bool last = slash == std::string::npos;
        std::string here = path.substr(0, slash);
        if (known_.insert({controllers, here}).second)
            directories.push_back({controllers, here, last ? entry : nullptr});
        else if (last && entry)
            bad_image("cgroup.img: a directory is there twice");
        if (last)
            break;
    }
}

void CgroupPlan::add_directory(const std::string &controllers, const std::string &path,
                               const img::cgroup_dir_entry &entry)
{
    for (const img::cgroup_prop_entry &property : entry.properties())
        check_property(property);
    add_path(controllers, path, &entry);
    for (const img::cgroup_dir_entry &child : entry.children()) {
        if (child.dir_name().find_first_not_of('/') == std::string::npos)
            bad_image("cgroup.img: a directory has no name");
        std::string name = checked_path(child.dir_name());
        add_directory(controllers, path_in(path, name.substr(1)), child);
    }
}

CgroupPlan::CgroupPlan(img::cgroup_entry image, uint32_t home, const std::set<uint32_t> &used,
                       const CgroupOptions &options)
    : image_(std::make_shared<img::cgroup_entry>(std::move(image)))
{
    if (options.mode == CgroupMode::Ignore ||
        std::all_of(used.begin(), used.end(), [&](uint32_t id) { return id == home || id == 0; }))
        return;
    std::map<std::string, Move> moves;
    for (const img::cg_controller_entry &controller : image_->controllers()) {
        std::string names;
        for (const std::string &name : controller.cnames())
            names += cat(names.empty() ? "" : ",", name);
        check_controllers(names);
        std::vector<std::string> tops;
        for (const img::cgroup_dir_entry &dir : controller.dirs())
            tops.push_back(checked_path(dir.dir_name()));
        Move &move = moves[names];
        if (const std::string *root = root_for(options.roots, names))
            move = {common_directory(tops), *root};
        for (int i = 0; i < controller.dirs_size(); i++)
            add_directory(names, move.of(tops[static_cast<size_t>(i)]), controller.dirs(i));
    }
    for (const img::cg_set_entry &set : image_->sets()) {
        if (set.id() == home || !used.count(set.id()))
            continue;
        std::vector<proc::Cgroup> &places = sets[set.id()];
        for (const img::cg_member_entry &member : set.ctls()) {
            check_controllers(member.name());
            std::string path = checked_path(member.path());
            auto move = moves.find(member.name());
            const std::string *root = root_for(options.roots, member.name());
            if (move != moves.end())
                path = move->second.of(path);
            else if (root && path != "/")
                path = *root;
            add_path(member.name(), path, nullptr);
            places.push_back({member.name(), path});
        }
    }
    for (uint32_t id : used)
        if (id != home && id != 0 && !sets.count(id))
            bad_image(cat("cgroup.img: a task is in the set ", id, ", of which nothing is said"));
}

} // namespace cr::ns
