#include "libcr/task/sharing.h"

#include "libcr/base/error.h"

#include <catch2/catch.hpp>

using namespace cr;
using Cloners = std::vector<size_t>;

TEST_CASE("Threads: who clones whom", "[sharing]")
{
    CHECK(task::thread_cloners({{1, 2}}, false) == Cloners{0});
    CHECK(task::thread_cloners({{1, 2}, {1, 2}, {1, 2}}, true) == Cloners{0, 0, 0});
    CHECK(task::thread_cloners({{1, 2}, {5, 2}, {1, 2}, {5, 2}, {5, 6}}, false) == Cloners{0, 0, 0, 1, 1});
    CHECK(task::thread_cloners({{1, 2}, {5, 2}}, true) == Cloners{0, 0});
    CHECK_THROWS_AS(task::thread_cloners({{1, 2}, {5, 6}, {1, 6}}, false), Error);
    CHECK_THROWS_AS(task::thread_cloners({{1, 2}, {1, 6}}, true), Error);
}
