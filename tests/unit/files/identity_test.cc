#include "libcr/files/identity.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>

using namespace cr::files;

namespace
{

// Descriptors whose description is the number in `owner.uid`; the kernel's order is some other one.
struct World {
    std::vector<std::unique_ptr<Facts>> facts;
    std::vector<const Facts *> all;
    std::atomic<size_t> comparisons = 0;

    void add(uint32_t description, ino_t inode, uint64_t pos = 0)
    {
        Facts &f = *facts.emplace_back(std::make_unique<Facts>());
        f.pid = static_cast<pid_t>(1 + facts.size() % 7);
        f.fd = static_cast<int>(facts.size());
        f.st.st_ino = inode;
        f.info.pos = pos;
        f.owner.uid = description;
        all.push_back(&f);
    }
    std::vector<uint32_t> identify()
    {
        return cr::files::identify(all, [&](const Facts &a, const Facts &b) {
            comparisons++;
            uint32_t x = a.owner.uid * 2654435761u, y = b.owner.uid * 2654435761u;
            return x < y ? -1 : x > y;
        });
    }
    void check()
    {
        auto first = identify();
        for (size_t i = 0; i < all.size(); i++) {
            size_t expected = 0;
            while (all[expected]->owner.uid != all[i]->owner.uid)
                expected++;
            CHECK(first[i] == expected);
        }
    }
};

} // namespace

TEST_CASE("descriptors of one description are found, and only those")
{
    World world;
    for (uint32_t i = 0; i < 500; i++)
        world.add(i % 90, i % 90 % 9); // ten descriptions for each inode
    world.check();
}

TEST_CASE("an offset that moves between two looks does not part a small set")
{
    World world;
    for (uint32_t i = 0; i < 20; i++)
        world.add(i % 3, 1, i);
    world.check();
}

TEST_CASE("large sets are divided by offset, and comparisons stay few")
{
    World world;
    for (uint32_t i = 0; i < 10000; i++)
        world.add(i, 1, i / 10);
    world.check();
    CHECK(world.comparisons < 100000);
    World distinct;
    for (uint32_t i = 0; i < 10000; i++)
        distinct.add(i, i);
    distinct.check();
    CHECK(distinct.comparisons == 0);
}

TEST_CASE("a large set that nothing divides is sorted with few comparisons")
{
    World world;
    for (uint32_t i = 0; i < 4000; i++)
        world.add(i % 2500, 1);
    world.check();
    CHECK(world.comparisons < 4000 * 13);
}

TEST_CASE("directories and claimed files share with nobody")
{
    World world;
    for (int i = 0; i < 3; i++)
        world.add(1, 1);
    for (auto &facts : world.facts)
        facts->fd = kCwd;
    CHECK(world.identify() == std::vector<uint32_t>{0, 1, 2});
    CHECK(world.comparisons == 0);
}

TEST_CASE("what is said of a file by its name is said once for each name and set of flags")
{
    World world;
    for (uint32_t i = 0; i < 6; i++)
        world.add(i, i < 5 ? 7 : 8);
    for (auto &facts : world.facts)
        facts->link = "/tmp/x";
    world.facts[2]->link = "/tmp/y";
    world.facts[3]->info.flags = 1;
    CHECK(first_alike(world.all) == std::vector<uint32_t>{0, 0, 2, 3, 0, 5});
    world.facts[4]->info.text = "lock:\t1: FLOCK\n";
    world.facts[1]->link = world.facts[0]->link = "pipe:[7]";
    CHECK(first_alike(world.all) == std::vector<uint32_t>{0, 1, 2, 3, 4, 5});
}
