#include "libcr/session/resident.h"

#include "libcr/base/addr.h"
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/inject/tree.h"
#include "libcr/proc/pid_dir.h"

#include <algorithm>
#include <string>
#include <vector>

namespace cr::session
{

uint64_t private_memory(pid_t pid)
{
    std::string statm = proc::PidDir(pid).read("statm");
    std::string_view rest = statm;
    take_word(rest);
    uint64_t resident = parse_int<uint64_t>(take_word(rest)).value_or(0);
    uint64_t shared = parse_int<uint64_t>(take_word(rest)).value_or(0);
    return (resident - std::min(resident, shared)) * kPageSize;
}

uint64_t memory_of_tree(pid_t root)
{
    uint64_t out = 0;
    std::vector<pid_t> left{root};
    while (!left.empty()) {
        pid_t pid = left.back();
        left.pop_back();
        try {
            out += private_memory(pid);
        } catch (const Error &) {
            continue; // it has ended
        }
        for (pid_t child : inject::children_of(pid))
            left.push_back(child);
    }
    return out;
}

} // namespace cr::session
