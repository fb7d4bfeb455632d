#include "libcr/task/numa.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"

namespace cr::task
{

NumaPolicy numa_policy(uint32_t mode, std::vector<uint64_t> nodes)
{
    while (!nodes.empty() && !nodes.back())
        nodes.pop_back();
    return {mode, std::move(nodes)};
}

NumaQuestion::NumaQuestion(inject::Calls &calls)
{
    mode = calls.out(sizeof(int32_t));
    nodes = calls.out(sys::kMaxNodes / 8);
    result = calls.sys_result(SYS_get_mempolicy, {mode, nodes, sys::kMaxNodes, 0, 0});
}

NumaPolicy NumaQuestion::read(const inject::Calls &calls) const
{
    if (calls.result(result) < 0) // a kernel without NUMA
        return {};
    std::vector<uint64_t> words;
    for (size_t i = 0; i < sys::kMaxNodes / 64; i++)
        words.push_back(calls.get<uint64_t>(nodes, i * sizeof(uint64_t)));
    return numa_policy(calls.get<uint32_t>(mode), std::move(words));
}

void put_numa(const NumaPolicy &policy, img::cr_numa_policy_entry &out)
{
    out.set_mode(policy.mode);
    out.set_nodes(policy.nodes.data(), policy.nodes.size() * sizeof(uint64_t));
}

static void capture_numa(const ThreadFacts &facts, img::core_entry &core)
{
    if (facts.numa.mode != sys::kPolicyDefault)
        put_numa(facts.numa, *core.mutable_thread_core()->mutable_cr_numa());
}

static void check_numa(const img::core_entry &core, bool, const Host &)
{
    const img::cr_numa_policy_entry &policy = core.thread_core().cr_numa();
    if ((policy.mode() & ~sys::kPolicyFlags) > 64 || policy.nodes().size() > sys::kMaxNodes / 8)
        bad_image(cat("mode ", policy.mode(), " with ", policy.nodes().size(), " bytes of nodes"));
}

// A leader before it gets its memory, which the policy is about.
static void arm_numa(const img::core_entry &core, bool leader, Phase phase, const Host &, Build &build)
{
    if (phase != (leader ? Phase::Early : Phase::Thread))
        return;
    if (!core.thread_core().has_cr_numa()) {
        // Away with the restorer's. A kernel without NUMA has no such call.
        build.program.sys(SYS_set_mempolicy, {sys::kPolicyDefault, 0, 0}, program::On::Ignore, "NUMA policy");
        return;
    }
    const img::cr_numa_policy_entry &policy = core.thread_core().cr_numa();
    std::string nodes = policy.nodes();
    nodes.resize(sys::kMaxNodes / 8);
    bool none = policy.nodes().empty();
    auto data = build.region.data(nodes.data(), nodes.size());
    build.program.sys(SYS_set_mempolicy,
                      {policy.mode(), none ? program::Value(0) : data, none ? 0 : sys::kMaxNodes + 1},
                      program::On::Fail, "NUMA policy (its nodes must be there)");
}

extern const Kind kNuma;
const Kind kNuma = {"NUMA policy", nullptr, capture_numa, check_numa, arm_numa};

} // namespace cr::task
