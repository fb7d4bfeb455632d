#include "libcr/files/proc_file.h"

#include <catch2/catch.hpp>

using namespace cr::files;

TEST_CASE("names below /proc/PID tell whose they are")
{
    auto own = parse_proc_name("/proc/42/stat");
    REQUIRE(own);
    CHECK(own->pid == 42);
    CHECK(own->tid == 0);
    CHECK_FALSE(own->dead);
    auto of_thread = parse_proc_name("/proc/42/task/43/comm (deleted)");
    REQUIRE(of_thread);
    CHECK(of_thread->pid == 42);
    CHECK(of_thread->tid == 43);
    CHECK(of_thread->dead);
    CHECK(of_thread->name == "/proc/42/task/43/comm");
    for (const char *other : {"/proc/self", "/proc/sys/kernel/pid_max", "/proc/0/stat", "/proc", "/tmp/proc/1/stat"})
        CHECK_FALSE(parse_proc_name(other));
}

TEST_CASE("files of a single descriptor are told from directories of all")
{
    for (const char *name : {"/proc/42/fd/3", "/proc/42/fdinfo/3", "/proc/42/task/43/fd/3"})
        CHECK(parse_proc_name(name)->of_descriptor);
    for (const char *name : {"/proc/42/fd", "/proc/42/fdinfo", "/proc/42/task", "/proc/42/task/43/fd", "/proc/42/fdx/3"})
        CHECK_FALSE(parse_proc_name(name)->of_descriptor);
}
