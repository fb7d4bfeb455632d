#include "libcr/mm/policies.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/numa.h"

#include <algorithm>
#include <vector>

namespace cr::mm
{

namespace
{

constexpr uint64_t kLargeTask = 64 << 20;

struct Mode {
    std::string_view name;
    uint32_t mode;
};
// mm/mempolicy.c, the longer of those that begin alike first.
constexpr Mode kModes[] = {{"default", sys::kPolicyDefault},
                           {"prefer (many)", sys::kPolicyPreferredMany},
                           {"prefer", sys::kPolicyPreferred},
                           {"bind", sys::kPolicyBind},
                           {"interleave", sys::kPolicyInterleave},
                           {"local", sys::kPolicyLocal},
                           {"weighted interleave", sys::kPolicyWeightedInterleave}};
constexpr Mode kFlags[] = {{"static", sys::kPolicyStaticNodes},
                           {"relative", sys::kPolicyRelativeNodes},
                           {"balancing", sys::kPolicyBalancing}};

// "0-3,8"
std::optional<std::string> parse_nodes(std::string_view list)
{
    std::vector<uint64_t> words;
    while (!list.empty()) {
        std::string_view range = take_until(list, ',');
        std::string_view first = take_until(range, '-');
        auto from = parse_int<uint32_t>(first);
        auto to = range.empty() ? from : parse_int<uint32_t>(range);
        if (!from || !to || *to >= sys::kMaxNodes)
            return std::nullopt;
        for (uint32_t node = *from; node <= *to; node++) {
            words.resize(std::max<size_t>(words.size(), node / 64 + 1));
            words[node / 64] |= uint64_t{1} << (node % 64);
        }
    }
    return std::string(reinterpret_cast<const char *>(words.data()), words.size() * sizeof(uint64_t));
}

bool one_node()
{
    constexpr const char *kPossible = "/sys/devices/system/node/possible";
    long fd = sys::try_open_at(AT_FDCWD, kPossible, O_RDONLY);
    if (fd < 0)
        return true;
    Fd file(static_cast<int>(fd));
    char text[64];
    return trim({text, sys::read_up_to(file.get(), text, sizeof text, kPossible)}) == "0";
}

} // namespace

std::optional<std::pair<uint64_t, img::cr_numa_policy_entry>> parse_policy(std::string_view line)
{
    auto start = parse_int<uint64_t>(take_until(line, ' '), 16);
    auto named = [&](const Mode &mode) { return starts_with(line, mode.name); };
    auto mode = std::find_if(std::begin(kModes), std::end(kModes), named);
    if (!start || mode == std::end(kModes) || mode->mode == sys::kPolicyDefault)
        return std::nullopt;
    line.remove_prefix(mode->name.size());
    std::string_view rest = take_until(line, ' ');
    img::cr_numa_policy_entry out;
    std::string_view flags = take_until(rest, ':');
    uint32_t bits = 0;
    for (const Mode &flag : kFlags)
        if (flags.find(flag.name) != std::string_view::npos)
            bits |= flag.mode;
    auto nodes = parse_nodes(rest);
    if (!nodes)
        return std::nullopt;
    out.set_mode(mode->mode | bits);
    out.set_nodes(std::move(*nodes));
    return std::pair(*start, std::move(out));
}

Policies read_policies(const proc::PidDir &task, const img::cr_numa_policy_entry &own)
{
    Policies out;
    static const bool only_one = one_node();
    std::string statm = task.read("statm");
    std::string_view rest = statm;
    take_word(rest);
    if (only_one && parse_int<uint64_t>(take_word(rest)).value_or(0) * kPageSize > kLargeTask)
        return out;
    std::string text = task.read_if_there("numa_maps"); // a kernel without NUMA
    for (std::string_view lines = text; !lines.empty();)
        if (auto policy = parse_policy(take_until(lines, '\n')))
            if (policy->second.mode() != own.mode() || policy->second.nodes() != own.nodes())
                out.insert(std::move(*policy));
    return out;
}

} // namespace cr::mm
