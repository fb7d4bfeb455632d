#include "libcr/session/stages.h"

#include "libcr/base/log.h"
#include "libcr/session/link.h"
#include "libcr/session/stage.h"
#include "libcr/session/stage_files.h"
#include "libcr/session/stage_mm.h"
#include "libcr/session/stage_net.h"
#include "libcr/session/stage_ns.h"
#include "libcr/sys/gate.h"

#include <atomic>
#include <fcntl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace cr::session
{

namespace
{

constexpr StageEntry kStages[] = {
    {"cr-dump-ns", [](int in, int out) { return run_stage("cr-dump-ns", in, out, dump_ns); }},
    {"cr-dump-mm", run_dump_mm},
    {"cr-dump-net", [](int in, int out) { return run_stage("cr-dump-net", in, out, dump_net); }},
    {"cr-dump-files", [](int in, int out) { return run_stage("cr-dump-files", in, out, dump_files); }},
};

// Its ends of the pipes are closed when it has ended, as those of a process would be.
int run(const StageEntry &stage, const Fd in, const Fd out)
{
    log::speak_as(std::string(stage.name));
    try {
        return stage.run(in.get(), out.get());
    } catch (const std::exception &error) {
        log::error("cannot go on: ", error.what(), "; this is a defect: please report it");
        return 1;
    }
}

struct Threads {
    std::vector<std::thread> all;
    ~Threads()
    {
        for (std::thread &thread : all)
            thread.join();
    }
};

} // namespace

std::span<const StageEntry> stages() { return kStages; }

const StageEntry *find_stage(std::string_view name)
{
    for (const StageEntry &stage : kStages)
        if (stage.name == name)
            return &stage;
    return nullptr;
}

int run_stages(const std::vector<StageEntry> &some, Fd in, Fd out)
{
    block_stop_signals(); // of which threads inherit the mask
    std::atomic<int> code = 0;
    {
        Threads threads;
        for (size_t i = 0; i + 1 < some.size(); i++) {
            int ends[2];
            sys::check(sys::call(SYS_pipe2, ends, O_CLOEXEC), "make a pipe");
            Fd next(ends[0]), end(ends[1]);
            threads.all.emplace_back([&code, stage = some[i], from = std::move(in), to = std::move(end)]() mutable {
                code |= run(stage, std::move(from), std::move(to));
            });
            in = std::move(next);
        }
        code |= run(some.back(), std::move(in), std::move(out));
    }
    return code;
}

} // namespace cr::session
