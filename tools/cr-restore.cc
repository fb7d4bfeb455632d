// cr-restore: brings a process tree back from its images.
#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/image/writer.h"
#include "libcr/restore/restore.h"
#include "libcr/sys/process.h"

#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

using namespace cr;

namespace
{

restore::RestoreRequest request_of(const cli::RestoreOptions &options)
{
    restore::RestoreRequest request;
    request.images_dir = options.images_dir;
    request.sibling = options.sibling;
    request.leave_stopped = options.leave_stopped;
    request.shell_job = options.shell_job;
    request.files.check_mode = !options.skip_file_rwx_check;
    request.files.check_build_id = options.file_validation == cli::FileValidation::BuildId;
    request.files.shell_job = options.shell_job;
    for (const cli::InheritFd &inherited : options.inherit_fds)
        if (!inherited.debug_only)
            request.files.inherited.emplace_back(inherited.key, inherited.fd);
    return request;
}

// Made before the restore: a pid file that cannot be is an error to find early.
Fd open_pidfile(const cli::RestoreOptions &options)
{
    if (options.pidfile.empty())
        return {};
    std::string path = options.pidfile[0] == '/' ? options.pidfile : options.work_dir + "/" + options.pidfile;
    return Fd(static_cast<int>(
        sys::check(sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644),
                   [&] { return "create the pid file " + path; })));
}

void wait_for_children()
{
    sys::WaitStatus status;
    for (;;) {
        long r = sys::wait_for(-1, status, 0);
        if (r == -ECHILD)
            return;
    }
}

void write_statistics(const cli::RestoreOptions &options, const img::restore_stats_entry &statistics)
{
    img::stats_entry entry;
    img::restore_stats_entry &restore = *entry.mutable_restore();
    restore = statistics;
    // Required, counted or not.
    restore.set_pages_compared(statistics.pages_compared());
    restore.set_pages_skipped_cow(statistics.pages_skipped_cow());
    image::write_one(image::Dir::open(options.work_dir), image::Kind::StatsRestore, 0, entry);
}

} // namespace

int cr_restore_main(int argc, char **argv);
int cr_restore_main(int argc, char **argv)
{
    return cli::run("cr-restore", argc, argv, [](const cli::Parsed &parsed) {
        cli::RestoreOptions options = cli::restore_options(parsed);
        restore::RestoreRequest request = request_of(options);
        if (options.dry_run) {
            std::string plan = restore::describe(request);
            fwrite(plan.data(), 1, plan.size(), stdout);
            return cli::kOk;
        }
        Fd pidfile = open_pidfile(options);
        restore::RestoreResult result = restore::restore(request);
        if (pidfile) {
            std::string text = cat(result.root);
            sys::check(sys::call(SYS_write, pidfile.get(), text.data(), text.size()), "write the pid file");
        }
        write_statistics(options, result.statistics);
        if (options.display_stats)
            printf("Restored in %.1f ms\n", static_cast<double>(result.statistics.restore_time()) / 1000);
        if (!options.detached)
            wait_for_children();
        return cli::kOk;
    });
}
