#include "libcr/feature/probes.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <set>
#include <string>
#include <sys/wait.h>

using namespace cr::feature;

TEST_CASE("every probe has a name of its own and an answer")
{
    Sample sample;
    std::set<std::string> names;
    for (const Probe &probe : probes()) {
        INFO(probe.name);
        CHECK(names.insert(probe.name).second);
        CHECK(find_probe(probe.name) == &probe);
        long result = probe.run(sample);
        CHECK(result <= 0);
        CHECK(result > -4096);
    }
    CHECK(find_probe("nothing of the kind") == nullptr);
}

TEST_CASE("a probe of a process that is gone says so")
{
    Sample sample;
    kill(sample.pid(), SIGKILL);
    siginfo_t info;
    waitid(P_PID, static_cast<id_t>(sample.pid()), &info, WEXITED);
    for (const char *name : {"ptrace_peeksiginfo", "xsave", "kcmp", "process_vm_readv", "pidfd_store"}) {
        INFO(name);
        CHECK(find_probe(name)->run(sample) < 0);
    }
}
