#include "libcr/feature/features.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <set>
#include <string>
#include <vector>

using namespace cr::feature;

namespace
{

Features all_but(std::initializer_list<Id> missing)
{
    std::vector<Id> present;
    for (const Feature &one : all_features())
        if (std::find(missing.begin(), missing.end(), one.id) == missing.end())
            present.push_back(one.id);
    return Features::made_up(present);
}

} // namespace

TEST_CASE("the table of features is whole")
{
    std::set<std::string> names;
    for (const Feature &one : all_features()) {
        INFO(one.name);
        CHECK(names.insert(one.name).second);
        CHECK(feature_named(one.name) == &one);
        CHECK(&feature(one.id) == &one);
        CHECK(one.probe);
        // The end of a sentence, without its full stop.
        std::string without = one.without;
        REQUIRE(!without.empty());
        CHECK(without.back() != '.');
    }
    CHECK(!feature_named("nonsense"));
    CHECK(!feature_named(""));
}

TEST_CASE("a made-up kernel has what was said and nothing else")
{
    Features features = Features::made_up(std::vector{Id::Kcmp});
    CHECK(features.has(Id::Kcmp));
    CHECK(features.why_not(Id::Kcmp) == 0);
    CHECK(!features.has(Id::Pidfd));
    CHECK(features.why_not(Id::Pidfd) == ENOSYS);
    Features copy = features;
    CHECK(copy.has(Id::Kcmp));
    CHECK(!copy.has(Id::Pidfd));
}

TEST_CASE("what is missing counts when somebody needs it")
{
    CHECK(judge(all_but({}), true, true) == Verdict::Good);
    CHECK(judge(all_but({Id::Kcmp}), false, false) == Verdict::Bad);
    CHECK(judge(all_but({Id::Uffd}), false, false) == Verdict::Good);
    CHECK(judge(all_but({Id::Uffd}), true, false) == Verdict::SomeMissing);
    CHECK(judge(all_but({Id::CompatCr}), true, false) == Verdict::Good);
    CHECK(judge(all_but({Id::CompatCr}), false, true) == Verdict::SomeMissing);
    CHECK(judge(all_but({Id::Breakpoints}), true, true) == Verdict::Good);
    CHECK(judge(all_but({Id::Uffd, Id::Kcmp}), true, true) == Verdict::Bad);
}

// What these tests themselves run on has them all, in whatever container.
TEST_CASE("this kernel is really asked")
{
    Features features;
    CHECK(features.has(Id::NsPid));
    CHECK(features.has(Id::ProcStat));
    CHECK(features.has(Id::Pidfd));
    CHECK(features.has(Id::MntId));
}
