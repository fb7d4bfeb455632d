// How control groups are treated, as the options of a dump or restore say (--manage-cgroups and its like).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cr::ns
{

// On a restore. A dump keeps nothing with Ignore, and no properties with None.
enum class CgroupMode {
    Ignore, // tasks stay where their restorer is
    None,   // tasks go where they were; the directories have to be there
    Props,  // the same, and the directories get the properties that they had
    Soft,   // directories that are not there are made with their properties, others left as they are
    Full,   // the same, but all get their properties
    Strict, // none may be there yet
};

struct CgroupRoot {
    std::string controllers; // of one hierarchy; empty: of all
    std::string path;
    bool everywhere = true;
};

struct CgroupOptions {
    CgroupMode mode = CgroupMode::Soft;
    bool asked = false; // the mode was chosen: what cannot be done is an error then
    std::vector<CgroupRoot> roots;
    std::string yard;
    std::string properties; // --cgroup-props
    std::vector<std::string> only_controllers; // whose properties are kept; empty: of all
};

// "soft". Throws a usage error for another word.
CgroupMode cgroup_mode(std::string_view word);
// "/a", "cpu:/a", "name=x:/a".
CgroupRoot cgroup_root(std::string_view text);
// Of the roots, the last one that is for a hierarchy with these controllers; null when there is none.
const std::string *root_for(const std::vector<CgroupRoot> &roots, std::string_view controllers);

// One path for each directory: no slash at the end, none doubled. Throws a usage error for one with "..".
std::string tidy_path(std::string_view path);
// Whether `path` is `above` or below it. Both are tidy.
bool is_below(std::string_view path, std::string_view above);
// A directory below another: "/" and "a" make "/a".
std::string path_in(std::string_view above, std::string_view name);

} // namespace cr::ns
