#include "libcr/session/progress.h"
#include "libcr/base/clock.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace cr;

TEST_CASE("Processes that do nothing, and one that does")
{
    pid_t asleep = fork();
    if (asleep == 0) {
        pause();
        _exit(0);
    }
    session::Progress idle, busy;
    idle.watch(asleep);
    CHECK(idle.idle_us() == 0);
    uint64_t until = monotonic_us() + 200'000;
    busy.watch(getpid());
    CHECK(busy.idle_us() == 0);
    while (monotonic_us() < until)
        ;
    idle.idle_us(); // it may just have come to its pause
    usleep(10'000);
    CHECK(idle.idle_us() >= 10'000);
    CHECK(busy.idle_us() == 0); // it has a child, and used a processor
    kill(asleep, SIGKILL);
    waitpid(asleep, nullptr, 0);
    CHECK(idle.idle_us() == 0); // something happened: it is gone
}
