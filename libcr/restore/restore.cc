#include "libcr/restore/restore.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/never_free.h"
#include "libcr/base/text.h"
#include "libcr/program/print.h"
#include "libcr/restore/execution.h"
#include "libcr/restore/pids.h"
#include "libcr/restore/plan.h"

#include <unistd.h>

namespace cr::restore
{

RestoreResult restore(const RestoreRequest &request)
{
    plugin::Plugins plugins;
    auto plan = make_plan(request, &plugins);
    check_pids_free(plan->images, plan->births);
    const auto &needed = plan->images.inventory.plugins_entry().plugins();
    plugin::Settings settings = request.plugins;
    settings.taken = wanted_ids(plan->images, plan->births);
    plugins.start(settings, plugin::Stage::Restore, plan->images.dir.fd(), {needed.begin(), needed.end()});
    plugins.run(plugin::Hook::RestoreInit);
    // Newer kernels give ids of dead processes and threads back a moment after their parent was told: the ids
    // are free by all that can be seen and still cannot be had.
    constexpr int kTries = 50;
    for (int i = 1;; i++) {
        try {
            RestoreResult result = execute(request, *plan, plugins);
            plugins.end(0);
            never_free(std::move(plan));
            return result;
        } catch (const Error &error) {
            if (error.err() != EEXIST || i == kTries) {
                plugins.end(-1);
                throw;
            }
            log::debug("an id is not free yet: ", error.what());
        }
        ::usleep(10000);
        choose_ids(plan->images, plan->births);
        check_pids_free(plan->images, plan->births);
    }
}

std::string describe(const RestoreRequest &request, std::vector<Error> *problems)
{
    auto plan = make_plan(request, nullptr);
    if (problems)
        *problems = plan->files->look_at_files();
    Programs programs;
    build(*plan, Surroundings{}, programs);
    std::string out;
    for (const TaskImage &task : plan->images.tasks)
        out +=
            cat("task ", task.pid(), " parent ", task.tree.ppid(), " group ", task.tree.pgid(), " session ",
                task.tree.sid(), " threads ", task.threads.size(), task.zombie() ? " dead" : "", "\n");
    for (const ns::CgroupDirectory &directory : plan->cgroups.directories)
        out += cat("control group ", directory.controllers, ":", directory.path, "\n");
    for (const std::string &line : plan->files->describe())
        out += line + "\n";
    for (uint32_t i = 0; i < programs.region.program_count(); i++)
        out += cat("\n", programs.region.program({i}).name(), ":\n", program::print(programs.region, {i}));
    return out;
}

} // namespace cr::restore
