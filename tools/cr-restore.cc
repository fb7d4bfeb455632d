// cr-restore: brings a process tree back from its images.
#include "action_scripts.h"
#include "cgroup_options.h"
#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/base/log.h"
#include "libcr/base/or_warn.h"
#include "libcr/base/text.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/image/dedup.h"
#include "libcr/image/writer.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/stat.h"
#include "libcr/restore/restore.h"
#include "libcr/sys/process.h"
#include "rpc_socket.h"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

using namespace cr;

namespace
{

restore::RestoreRequest request_of(const cli::RestoreOptions &options)
{
    restore::RestoreRequest request;
    request.images_dir = options.images_dir;
    request.sibling = options.sibling;
    request.detached = options.detached;
    request.leave_stopped = options.leave_stopped;
    request.shell_job = options.shell_job;
    request.plugins = {options.plugins.dir, options.plugins.must, std::chrono::seconds(options.plugins.timeout_s)};
    request.cpu_cap = options.cpu_cap;
    request.cgroups = tools::cgroup_options(options.cgroups);
    request.files.check_mode = !options.skip_file_rwx_check;
    request.files.check_build_id = options.file_validation == cli::FileValidation::BuildId;
    request.files.shell_job = options.shell_job;
    request.files.tcp_close = options.tcp_close;
    request.files.stdio = options.stdio;
    request.files.paths = options.map_paths;
    request.files.orphan_pts_master = options.orphan_pts_master;
    for (const cli::InheritFd &inherited : options.inherit_fds)
        if (!inherited.debug_only)
            request.files.inherited.emplace_back(inherited.key, inherited.fd);
    return request;
}

// For a tree that was a shell's job: the terminal of our session, where all our own descriptors lead
// elsewhere.
Fd controlling_terminal()
{
    proc::Stat stat = proc::parse_stat(proc::PidDir(::getpid()).read("stat"));
    constexpr int kPtySlaves = 136, kMajors = 8;
    int major = (stat.tty_nr >> 8) & 0xfff, minor = (stat.tty_nr & 0xff) | ((stat.tty_nr >> 12) & 0xfff00);
    if (major < kPtySlaves || major >= kPtySlaves + kMajors)
        return {};
    std::string path = cat("/dev/pts/", minor + (major - kPtySlaves) * 256);
    long fd = sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
    return Fd(fd < 0 ? -1 : static_cast<int>(fd));
}

// Made before the restore and written before the tree runs, since one that cannot be is an error to find early; a
// restore that fails takes it away again, or the next try would find it there.
class PidFile {
  public:
    explicit PidFile(const cli::RestoreOptions &options)
    {
        if (options.pidfile.empty())
            return;
        path_ = options.pidfile[0] == '/' ? options.pidfile : options.work_dir + "/" + options.pidfile;
        fd_ = Fd(static_cast<int>(sys::check(
            sys::call(SYS_openat, AT_FDCWD, path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644),
            [&] { return "create the pid file " + path_; })));
    }
    PidFile(const PidFile &) = delete;
    PidFile &operator=(const PidFile &) = delete;
    ~PidFile()
    {
        if (fd_ && !kept_)
            sys::call(SYS_unlinkat, AT_FDCWD, path_.c_str(), 0);
    }

    void write(pid_t root)
    {
        if (!fd_)
            return;
        std::string text = cat(root);
        sys::check(sys::call(SYS_pwrite64, fd_.get(), text.data(), text.size(), 0),
                   [&] { return "write the pid file " + path_; });
    }

    void keep()
    {
        kept_ = true;
        fd_.reset(); // not for the program that we may become, nor for as long as we wait
    }

  private:
    std::string path_;
    Fd fd_;
    bool kept_ = false;
};

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

// Before the tree runs a failing script is a failure of the restore; afterwards nothing can be undone any
// more.
void run_scripts(const tools::ActionScripts &scripts, std::string_view point, pid_t root)
{
    if (point != "pre-resume" && point != "post-resume")
        scripts.must(std::string(point), root);
    else if (int code = scripts.run(std::string(point), root))
        log::warning("an action script ended with ", code, " at ", point);
}

void say_ready(int status_fd)
{
    if (status_fd >= 0)
        sys::check(sys::call(SYS_write, status_fd, "", 1), "write to the descriptor of --status-fd");
}

[[noreturn]] void become(std::vector<std::string> words)
{
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    std::signal(SIGPIPE, SIG_DFL);
    ::execvp(argv[0], argv.data());
    failed(cat("become ", printable(words[0]), " (the tree runs)"));
}

int restore_tree(const cli::RestoreOptions &options)
{
    restore::RestoreRequest request = request_of(options);
    if (options.dry_run) {
        std::vector<Error> problems;
        std::string plan = restore::describe(request, &problems);
        fwrite(plan.data(), 1, plan.size(), stdout);
        if (!problems.empty())
            cli::end_with("cr-restore", problems, options.json);
        return cli::kOk;
    }
    std::optional<image::Dir> images;
    std::function<void(const char *, pid_t)> run_script;
    if (!options.action_scripts.empty() || options.notify_fd >= 0) {
        images.emplace(image::Dir::open(options.images_dir));
        tools::ActionScripts scripts(options.action_scripts, images->fd(), options.notify_fd);
        request.give_master = [fd = options.notify_fd](int master) {
            if (!tools::notify(fd, "orphan-pts-master", 0, master))
                failed_with(0, "go on: the client did not take the new master of a terminal");
        };
        run_script = [scripts](const char *point, pid_t root) { run_scripts(scripts, point, root); };
    }
    PidFile pidfile(options);
    request.hook = [&](const char *point, pid_t root) {
        if (run_script)
            run_script(point, root);
        if (point == std::string_view("post-restore"))
            pidfile.write(root);
    };
    Fd terminal;
    if (!::isatty(0) && !::isatty(1) && !::isatty(2))
        terminal = controlling_terminal();
    request.files.terminal = terminal.get();
    restore::RestoreResult result = restore::restore(request);
    pidfile.keep();
    log::info("Restore finished successfully. Tasks resumed."); // CRIU's words, which runners look for
    request.hook("post-resume", result.root);
    or_warn([&] { write_statistics(options, result.statistics); });
    if (options.auto_dedup)
        or_warn([&] { image::free_contents(image::Dir::open(options.images_dir)); });
    if (options.json)
        printf("{\"pid\":%d,\"restore_us\":%u}\n", result.root, result.statistics.restore_time());
    else if (options.display_stats)
        printf("Restored in %.1f ms\n", static_cast<double>(result.statistics.restore_time()) / 1000);
    or_warn([&] { say_ready(options.status_fd); });
    if (!options.exec_cmd.empty()) {
        fflush(stdout);
        become(options.exec_cmd);
    }
    if (!options.detached)
        wait_for_children();
    return cli::kOk;
}

} // namespace

int cr_restore_main(int argc, char **argv);
int cr_restore_main(int argc, char **argv)
{
    return cli::run("cr-restore", argc, argv,
                    [](const cli::Parsed &parsed) { return restore_tree(cli::restore_options(parsed)); });
}
