// Ids of namespaces in images. Every task is in our own namespaces (anything else is refused), so each kind has one id.
#pragma once

#include "core.pb.h"

#include <sched.h>

namespace cr::image
{

using NamespaceIds = img::task_kobj_ids_entry;

struct NamespaceKind {
    const char *name; // in /proc/PID/ns
    uint32_t flag;    // of clone(2)
    uint32_t id;
    void (NamespaceIds::*set)(uint32_t);
};

inline constexpr NamespaceKind kNamespaces[] = {
    {"pid", CLONE_NEWPID, 1, &NamespaceIds::set_pid_ns_id},
    {"net", CLONE_NEWNET, 2, &NamespaceIds::set_net_ns_id},
    {"ipc", CLONE_NEWIPC, 3, &NamespaceIds::set_ipc_ns_id},
    {"uts", CLONE_NEWUTS, 4, &NamespaceIds::set_uts_ns_id},
    {"mnt", CLONE_NEWNS, 5, &NamespaceIds::set_mnt_ns_id},
    {"user", CLONE_NEWUSER, 6, &NamespaceIds::set_user_ns_id},
    {"cgroup", CLONE_NEWCGROUP, 7, &NamespaceIds::set_cgroup_ns_id},
    {"time", 0x80 /* CLONE_NEWTIME */, 8, &NamespaceIds::set_time_ns_id},
};

inline void put_namespace_ids(NamespaceIds &ids)
{
    for (const NamespaceKind &kind : kNamespaces)
        (ids.*kind.set)(kind.id);
}

} // namespace cr::image
