// The smallest tool that does to a tree what a dump does: freezes it, runs calls in every thread, lets it go.
//   probe PID [ROUNDS]
// For the kill sweep, and to measure: prints the time that the tree was held.
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/inject/run.h"

#include <cstdio>
#include <cstdlib>
#include <sys/prctl.h>
#include <sys/time.h>

using namespace cr;
using inject::Calls;

namespace
{

void ask_thread(Calls &calls)
{
    auto stack = calls.out(sizeof(stack_t));
    auto word = calls.out(8);
    calls.sys(SYS_sigaltstack, {0, stack});
    calls.sys(SYS_prctl, {PR_GET_TID_ADDRESS, word});
    calls.sys_result(SYS_prctl, {PR_GET_SECUREBITS});
}

Calls::Out ask_process(Calls &calls)
{
    auto actions = calls.out(64 * 32);
    auto timers = calls.out(3 * sizeof(itimerval));
    calls.repeat(SYS_rt_sigaction, {1, 0, actions, 8}, 64, {1, 0, 32, 0});
    calls.repeat(SYS_getitimer, {0, timers}, 3, {1, sizeof(itimerval)});
    return calls.sys_result(SYS_getpid, {});
}

void round(pid_t pid)
{
    auto begin = inject::Clock::now();
    inject::FrozenTree tree(pid);
    std::vector<inject::Job> jobs;
    std::vector<Calls::Out> pids;
    for (inject::FrozenTask &task : tree.tasks()) {
        if (task.state == inject::FrozenTask::State::Zombie)
            continue;
        inject::Job &job = jobs.emplace_back();
        job.task = &task;
        job.threads.resize(task.threads.size());
        for (Calls &calls : job.threads)
            ask_thread(calls);
        pids.push_back(ask_process(job.threads[0]));
    }
    auto stopped = inject::Clock::now();
    inject::run(jobs, tree.waiter());
    for (size_t i = 0; i < jobs.size(); i++)
        if (jobs[i].threads[0].result(pids[i]) != jobs[i].task->vpid)
            failed_with(0, cat("believe process ", jobs[i].task->pid, ": it says that it is ",
                               jobs[i].threads[0].result(pids[i])));
    auto ran = inject::Clock::now();
    tree.resume();
    auto end = inject::Clock::now();
    auto us = [](auto d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); };
    printf("%zu tasks: stopped in %ld us, calls %ld us, resumed %ld us\n", tree.tasks().size(),
           long(us(stopped - begin)), long(us(ran - stopped)), long(us(end - ran)));
}

} // namespace

int main(int argc, char **argv)
{
    log::configure({});
    log::speak_as("probe");
    try {
        for (int i = argc > 2 ? atoi(argv[2]) : 1; i > 0; i--)
            round(argc > 1 ? atoi(argv[1]) : 0);
    } catch (const Error &e) {
        fprintf(stderr, "probe: %s\n", e.what());
        return 1;
    }
    return 0;
}
