// /proc/PID/status as a value: "Key:\tvalues" lines, see proc(5). Keys that this kernel does not have stay at
// their default.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cr::proc
{

struct Status {
    unsigned umask = 0;
    char state = 0;
    pid_t tgid = 0, pid = 0, ppid = 0, tracer = 0;
    std::array<uint32_t, 4> uid{}, gid{}; // real, effective, saved, filesystem
    std::vector<uint32_t> groups;
    std::vector<pid_t> ns_pid, ns_sid, ns_pgid; // outermost namespace first
    bool kernel_thread = false;
    uint64_t sig_pending = 0, shared_pending = 0, sig_blocked = 0, sig_ignored = 0, sig_caught = 0;
    uint64_t cap_inheritable = 0, cap_permitted = 0, cap_effective = 0, cap_bounding = 0, cap_ambient = 0;
    bool no_new_privs = false;
    int seccomp = 0;
    uint64_t locked_kb = 0; // VmLck
    unsigned threads = 0;
    std::string store_bypass, indirect_branch; // how they are speculated about, in words
};

Status parse_status(std::string_view text);

} // namespace cr::proc
