#include "libcr/proc/status.h"

#include "libcr/base/text.h"

namespace cr::proc
{

namespace
{

template <class Int> Int number(std::string_view value, int base = 10)
{
    return parse_int<Int>(take_word(value), base).value_or(0);
}

template <class Int> std::vector<Int> numbers(std::string_view value)
{
    std::vector<Int> out;
    for (std::string_view word = take_word(value); !word.empty(); word = take_word(value))
        out.push_back(parse_int<Int>(word).value_or(0));
    return out;
}

std::array<uint32_t, 4> four(std::string_view value)
{
    std::array<uint32_t, 4> out{};
    for (uint32_t &n : out)
        n = parse_int<uint32_t>(take_word(value)).value_or(0);
    return out;
}

} // namespace

Status parse_status(std::string_view text)
{
    Status out;
    while (!text.empty()) {
        std::string_view value = take_until(text, '\n');
        std::string_view key = take_until(value, ':');
        value = trim(value);
        // clang-format off
        if (key == "Umask") out.umask = number<unsigned>(value, 8);
        else if (key == "State") out.state = value.empty() ? '?' : value[0];
        else if (key == "Tgid") out.tgid = number<pid_t>(value);
        else if (key == "Pid") out.pid = number<pid_t>(value);
        else if (key == "PPid") out.ppid = number<pid_t>(value);
        else if (key == "TracerPid") out.tracer = number<pid_t>(value);
        else if (key == "Uid") out.uid = four(value);
        else if (key == "Gid") out.gid = four(value);
        else if (key == "Groups") out.groups = numbers<uint32_t>(value);
        else if (key == "NSpid") out.ns_pid = numbers<pid_t>(value);
        else if (key == "NSsid") out.ns_sid = numbers<pid_t>(value);
        else if (key == "NSpgid") out.ns_pgid = numbers<pid_t>(value);
        else if (key == "Kthread") out.kernel_thread = value == "1";
        else if (key == "VmLck") out.locked_kb = number<uint64_t>(value);
        else if (key == "Threads") out.threads = number<unsigned>(value);
        else if (key == "SigPnd") out.sig_pending = number<uint64_t>(value, 16);
        else if (key == "ShdPnd") out.shared_pending = number<uint64_t>(value, 16);
        else if (key == "SigBlk") out.sig_blocked = number<uint64_t>(value, 16);
        else if (key == "SigIgn") out.sig_ignored = number<uint64_t>(value, 16);
        else if (key == "SigCgt") out.sig_caught = number<uint64_t>(value, 16);
        else if (key == "CapInh") out.cap_inheritable = number<uint64_t>(value, 16);
        else if (key == "CapPrm") out.cap_permitted = number<uint64_t>(value, 16);
        else if (key == "CapEff") out.cap_effective = number<uint64_t>(value, 16);
        else if (key == "CapBnd") out.cap_bounding = number<uint64_t>(value, 16);
        else if (key == "CapAmb") out.cap_ambient = number<uint64_t>(value, 16);
        else if (key == "NoNewPrivs") out.no_new_privs = value == "1";
        else if (key == "Seccomp") out.seccomp = number<int>(value);
        else if (key == "Speculation_Store_Bypass") out.store_bypass = value;
        else if (key == "SpeculationIndirectBranch") out.indirect_branch = value;
        // clang-format on
    }
    return out;
}

} // namespace cr::proc
