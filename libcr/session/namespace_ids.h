// Ids of namespaces in images.
#pragma once

#include "core.pb.h"

namespace cr::session
{

// Every task is in our own namespaces (anything else is refused), so each kind has one id.
inline void put_namespace_ids(img::task_kobj_ids_entry &ids)
{
    ids.set_pid_ns_id(1);
    ids.set_net_ns_id(2);
    ids.set_ipc_ns_id(3);
    ids.set_uts_ns_id(4);
    ids.set_mnt_ns_id(5);
    ids.set_user_ns_id(6);
    ids.set_cgroup_ns_id(7);
    ids.set_time_ns_id(8);
}

} // namespace cr::session
