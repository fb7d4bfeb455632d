#include "libcr/task/label.h"

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace cr;

TEST_CASE("a security label of its own is in the way, the caller's is not")
{
    CHECK(!task::label_blocker(42, "unconfined", "unconfined"));
    CHECK(!task::label_blocker(42, "", ""));
    auto blocker = task::label_blocker(42, "unconfined", "/usr/bin/man (enforce)");
    REQUIRE(blocker);
    CHECK(blocker->subject == "pid 42");
    CHECK(blocker->reason.find("'/usr/bin/man (enforce)'") != std::string::npos);
    CHECK(!blocker->remedy.empty());
}

TEST_CASE("a label is one line, and processes that are gone have none")
{
    std::string own = task::label_of(::getpid());
    CHECK(own.find('\n') == std::string::npos);
    CHECK(own.find('\0') == std::string::npos);
    CHECK(own == task::label_of(::getpid()));
    CHECK(task::label_of(0x3fffffff).empty());
}
