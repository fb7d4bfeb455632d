#include "libcr/ns/cgroup_options.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <utility>

namespace cr::ns
{

CgroupMode cgroup_mode(std::string_view word)
{
    using enum CgroupMode;
    constexpr std::pair<std::string_view, CgroupMode> kWords[] = {
        {"ignore", Ignore}, {"none", None}, {"props", Props},
        {"soft", Soft},     {"full", Full}, {"strict", Strict}};
    for (auto [name, mode] : kWords)
        if (name == word)
            return mode;
    usage(cat("there is no way of managing cgroups named '", printable(word), "'"));
}

CgroupRoot cgroup_root(std::string_view text)
{
    CgroupRoot out;
    size_t colon = text.find(":/");
    if (!text.starts_with('/') && colon != std::string_view::npos) {
        out.everywhere = false;
        out.controllers = text.substr(0, colon);
        text.remove_prefix(colon + 1);
    }
    if (!text.starts_with('/'))
        usage(cat("--cgroup-root takes [CONTROLLER:]/PATH, not '", printable(text), "'"));
    out.path = tidy_path(text);
    return out;
}

static bool names_one_of(std::string_view list, std::string_view controllers)
{
    if (list == controllers)
        return true;
    while (!controllers.empty())
        if (take_until(controllers, ',') == list)
            return true;
    return false;
}

const std::string *root_for(const std::vector<CgroupRoot> &roots, std::string_view controllers)
{
    const std::string *out = nullptr;
    for (const CgroupRoot &root : roots)
        if (root.everywhere)
            out = &root.path;
    for (const CgroupRoot &root : roots)
        if (!root.everywhere && names_one_of(root.controllers, controllers))
            out = &root.path;
    return out;
}

std::string tidy_path(std::string_view path)
{
    std::string out;
    while (!path.empty()) {
        std::string_view part = take_until(path, '/');
        if (part.empty())
            continue;
        if (part == "." || part == ".." || part.find('\0') != std::string_view::npos)
            usage(cat("a path of control groups has the part '", printable(part), "'"));
        out += cat("/", part);
    }
    return out.empty() ? "/" : out;
}

bool is_below(std::string_view path, std::string_view above)
{
    if (above == "/" || path == above)
        return true;
    return path.starts_with(above) && path[above.size()] == '/';
}

std::string path_in(std::string_view above, std::string_view name)
{
    return above == "/" ? cat("/", name) : cat(above, "/", name);
}

} // namespace cr::ns
