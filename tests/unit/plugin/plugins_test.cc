#include "libcr/base/error.h"
#include "libcr/plugin/plugins.h"
#include "unit/temp_dir.h"

#include <catch2/catch.hpp>

using namespace cr;
using namespace cr::plugin;

TEST_CASE("where there are no plugins, nothing is started")
{
    test::TempDir dir;
    Plugins plugins;
    plugins.start({dir.path(), true, std::chrono::seconds(1)}, Stage::Dump, -1);
    CHECK_FALSE(plugins.any());
    CHECK_FALSE(plugins.has(Hook::DumpFile));
    CHECK(plugins.run(Hook::DumpFile).not_theirs());
    CHECK(plugins.added().empty());
    plugins.end(0);
}

TEST_CASE("a directory that was given must be there, and so must plugins that the images need")
{
    test::TempDir dir;
    Plugins plugins;
    CHECK_THROWS_WITH(plugins.start({dir.path() + "/none", true, std::chrono::seconds(1)}, Stage::Dump, -1),
                      Catch::Contains("none"));
    CHECK_THROWS_WITH(plugins.start({dir.path(), true, std::chrono::seconds(1)}, Stage::Restore, -1, {"gpu"}),
                      Catch::Contains("need the plugin gpu"));
    CHECK_NOTHROW(plugins.start({dir.path() + "/none", false, std::chrono::seconds(1)}, Stage::Dump, -1));
}
