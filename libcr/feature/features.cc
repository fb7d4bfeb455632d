#include "libcr/feature/features.h"

#include "libcr/base/error.h"

#include <cerrno>

namespace cr::feature
{

Features::Features()
{
    for (auto &one : known_)
        one = kUnknown;
}

Features::Features(const Features &other)
{
    for (size_t i = 0; i < known_.size(); i++)
        known_[i] = other.known_[i].load();
}

Features Features::made_up(std::span<const Id> present)
{
    Features out;
    for (auto &one : out.known_)
        one = ENOSYS;
    for (Id id : present)
        out.known_[static_cast<size_t>(id)] = 0;
    return out;
}

int Features::why_not(Id id) const
{
    std::atomic<int> &known = known_[static_cast<size_t>(id)];
    if (known == kUnknown) {
        long result = feature(id).probe();
        known = result < 0 ? static_cast<int>(-result) : 0;
    }
    return known;
}

const Feature &feature(Id id) { return all_features()[static_cast<size_t>(id)]; }

const Feature *feature_named(std::string_view name)
{
    for (const Feature &one : all_features())
        if (one.name == name)
            return &one;
    return nullptr;
}

Verdict judge(const Features &features, bool extra, bool experimental)
{
    Verdict verdict = Verdict::Good;
    for (const Feature &one : all_features()) {
        bool asked = one.who == For::EveryTree || (one.who == For::SomeTrees && extra) ||
                     (one.who == For::Experimental && experimental);
        if (!asked || features.has(one.id))
            continue;
        if (one.who == For::EveryTree)
            return Verdict::Bad;
        verdict = Verdict::SomeMissing;
    }
    return verdict;
}

} // namespace cr::feature
