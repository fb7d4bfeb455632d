// The words of the command line about cgroups as the library takes them.
#pragma once

#include "libcr/cli/options.h"
#include "libcr/ns/cgroup_options.h"
#include "libcr/ns/cgroup_properties.h"

namespace cr::tools
{

inline ns::CgroupOptions cgroup_options(const cli::Cgroups &given)
{
    ns::CgroupOptions out;
    out.mode = ns::cgroup_mode(given.mode);
    out.asked = given.asked;
    for (const std::string &root : given.root)
        out.roots.push_back(ns::cgroup_root(root));
    out.yard = given.yard;
    out.properties = given.properties;
    ns::CgroupProperties().add(out.properties); // to hear now what is wrong with it
    out.only_controllers = given.dump_controllers;
    return out;
}

} // namespace cr::tools
