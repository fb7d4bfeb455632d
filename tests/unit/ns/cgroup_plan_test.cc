#include "libcr/ns/cgroup_properties.h"
#include "libcr/ns/cgroup_restore.h"

#include "libcr/base/error.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace cr;

namespace
{

img::cgroup_entry image_of(const char *path, const char *dir)
{
    img::cgroup_entry out;
    img::cg_set_entry &set = *out.add_sets();
    set.set_id(2);
    img::cg_member_entry &member = *set.add_ctls();
    member.set_name("cpu,cpuacct");
    member.set_path(path);
    img::cg_controller_entry &controller = *out.add_controllers();
    controller.add_cnames("cpu");
    controller.add_cnames("cpuacct");
    controller.add_dirs()->set_dir_name(dir);
    return out;
}

std::vector<std::string> paths_of(const ns::CgroupPlan &plan)
{
    std::vector<std::string> out;
    for (const ns::CgroupDirectory &directory : plan.directories)
        out.push_back(directory.path);
    return out;
}

} // namespace

TEST_CASE("Directories are planned after those that they are in")
{
    auto image = image_of("/a/b/c", "a/b");
    image.mutable_controllers(0)->mutable_dirs(0)->add_children()->set_dir_name("c");
    ns::CgroupPlan plan(image, 1, {2}, {});
    CHECK(paths_of(plan) == std::vector<std::string>{"/a", "/a/b", "/a/b/c"});
    CHECK(plan.directories[0].entry == nullptr);
    CHECK(plan.directories[1].entry != nullptr);
    CHECK(plan.sets.at(2)[0].path == "/a/b/c");
}

TEST_CASE("Another root takes the place of the one that the tree had")
{
    ns::CgroupOptions options;
    options.roots = {ns::cgroup_root("/elsewhere"), ns::cgroup_root("cpu:/new/root/")};
    ns::CgroupPlan plan(image_of("/a/b/c", "a/b"), 1, {2}, options);
    CHECK(paths_of(plan) == std::vector<std::string>{"/new", "/new/root", "/new/root/c"});
    CHECK(plan.sets.at(2)[0].path == "/new/root/c");
}

TEST_CASE("Who was where the dump was made stays where the restore is made")
{
    CHECK(ns::CgroupPlan(image_of("/a", "a"), 2, {2}, {}).empty());
    CHECK(ns::CgroupPlan({}, 1, {0, 1}, {}).empty());
    ns::CgroupOptions ignore;
    ignore.mode = ns::CgroupMode::Ignore;
    CHECK(ns::CgroupPlan(image_of("/a", "a"), 1, {2}, ignore).empty());
}

TEST_CASE("Images of control groups are not trusted")
{
    CHECK_THROWS_AS(ns::CgroupPlan(image_of("/a/../b", "a"), 1, {2}, {}), Error);
    CHECK_THROWS_AS(ns::CgroupPlan(image_of("/a", "a/.."), 1, {2}, {}), Error);
    CHECK_THROWS_AS(ns::CgroupPlan(image_of("/a", "a"), 1, {2, 3}, {}), Error);
    auto image = image_of("/a", "a");
    image.mutable_controllers(0)->add_dirs()->set_dir_name("a");
    CHECK_THROWS_AS(ns::CgroupPlan(image, 1, {2}, {}), Error);
    for (const char *name : {"release_agent", "../x", "a/b", "", ".x"}) {
        image = image_of("/a", "a");
        auto &property = *image.mutable_controllers(0)->mutable_dirs(0)->add_properties();
        property.set_name(name);
        property.set_value("1");
        CHECK_THROWS_AS(ns::CgroupPlan(image, 1, {2}, {}), Error);
    }
    image = image_of("/a", "a");
    image.mutable_controllers(0)->set_cnames(0, "cpu/..");
    CHECK_THROWS_AS(ns::CgroupPlan(image, 1, {2}, {}), Error);
}

TEST_CASE("Descriptions of properties add to the lists or replace them")
{
    ns::CgroupProperties properties;
    properties.add("\"memory\":\n  - \"strategy\": \"merge\"\n  - \"properties\": [\"memory.x\", \"memory.max\"]\n"
                   "\"new\":\\n - \"strategy\": \"replace\"\\n - \"properties\": [\"new.a\"]\\n");
    const auto &memory = properties.of("memory");
    CHECK(std::count(memory.begin(), memory.end(), "memory.x") == 1);
    CHECK(std::count(memory.begin(), memory.end(), "memory.max") == 1);
    CHECK(std::count(memory.begin(), memory.end(), "memory.limit_in_bytes") == 1);
    CHECK(properties.of("new") == std::vector<std::string>{"new.a"});
    properties.add("\"pids\": - \"strategy\": \"replace\" - \"properties\": []");
    CHECK(properties.of("pids").empty());
    for (const char *text : {"memory:", "\"memory\"", "\"a\": - \"strategy\": \"x\"", "\"a\": - \"properties\": [\"../b\"]",
                             "\"a\": - \"properties\": [\"b\"", "\"a\": - \"other\": \"b\"", "\"a"})
        CHECK_THROWS_AS(ns::CgroupProperties().add(text), Error);
}

TEST_CASE("Roots are given for one hierarchy or for all")
{
    std::vector<ns::CgroupRoot> roots{ns::cgroup_root("name=x:/a/"), ns::cgroup_root("/b//c")};
    CHECK(*ns::root_for(roots, "name=x") == "/a");
    CHECK(*ns::root_for(roots, "cpu,cpuacct") == "/b/c");
    CHECK(ns::root_for({}, "cpu") == nullptr);
    for (const char *text : {"a", "cpu:a", "/a/../b"})
        CHECK_THROWS_AS(ns::cgroup_root(text), Error);
}
