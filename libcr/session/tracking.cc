#include "libcr/session/tracking.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/image/parent.h"
#include "libcr/image/reader.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/stat.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/process.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace cr::session
{

namespace
{

constexpr int kCommitMs = 60000; // what cr-thaw is given after the pages are written

std::string boot_id()
{
    char text[64];
    Fd fd = sys::open_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY);
    size_t n = sys::read_up_to(fd.get(), text, sizeof text, "boot_id");
    return std::string(trim(std::string_view(text, n)));
}

std::optional<uint64_t> start_time(pid_t pid)
{
    try {
        return proc::parse_stat(proc::PidDir(pid).read("stat")).start_time;
    } catch (const Error &) {
        return std::nullopt; // no such process
    }
}

Fd open_process(pid_t pid)
{
    long fd = sys::call(SYS_pidfd_open, pid, 0);
    return fd < 0 ? Fd() : Fd(static_cast<int>(fd));
}

bool wait_for_end(const Fd &process, int ms)
{
    pollfd wait{process.get(), POLLIN, 0};
    return sys::call(SYS_poll, &wait, 1, ms) == 1;
}

// In the tracker: the tasks' pidfds and the descriptors stay, everything else goes.
[[noreturn]] void be_tracker(std::vector<int> keep, const std::vector<int> &tasks, int images,
                             const std::string &run_id)
{
    sys::call(SYS_setsid);
    sys::call(SYS_prctl, PR_SET_NAME, "cr-tracker", 0, 0, 0);
    std::sort(keep.begin(), keep.end());
    unsigned from = 0;
    for (int fd : keep) {
        if (static_cast<unsigned>(fd) > from)
            sys::call(SYS_close_range, from, fd - 1, 0);
        from = static_cast<unsigned>(fd) + 1;
    }
    sys::call(SYS_close_range, from, ~0u, 0);
    sys::call(SYS_chdir, "/");
    sigset_t set;
    sigemptyset(&set);
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &set, nullptr, 8);
    try {
        image::Dir dir = image::dir_of(images);
        for (int ms = 0;; ms += 250) { // a dump that failed needs no tracker
            timespec pause{0, 250000000};
            sys::call(SYS_nanosleep, &pause, nullptr);
            auto inventory = image::read_optional<img::inventory_entry>(dir, image::Kind::Inventory);
            if (inventory && inventory->dump_criu_run_id() == run_id)
                break;
            if (ms >= kCommitMs)
                _exit(0);
        }
    } catch (...) {
        _exit(0);
    }
    sys::call(SYS_close, images);
    for (int task : tasks) {
        pollfd wait{task, POLLIN, 0};
        while (sys::call(SYS_poll, &wait, 1, -1) == -EINTR)
            ;
    }
    _exit(0);
}

} // namespace

Tracking::Tracking(const img::session_hello &hello, const image::Dir &images) : hello_(hello), images_(images)
{
    if (!hello.has_prev_images_dir() || hello.dry_run())
        return;
    parent_ = image::earlier_dump(images, hello.prev_images_dir());
}

void Tracking::begin()
{
    if (begun_ || !parent_)
        return;
    begun_ = true;
    find_earlier(image::read_one<img::inventory_entry>(*parent_, image::Kind::Inventory));
    if (earlier_.empty())
        log::warning(cat("nobody has kept track of what changed since the dump in ",
                         printable(hello_.prev_images_dir()), ": all memory is stored again"));
}

void Tracking::find_earlier(const img::inventory_entry &inventory)
{
    if (!inventory.has_cr_tracker() || inventory.cr_tracker().boot_id() != boot_id())
        return;
    const img::cr_tracker_entry &tracker = inventory.cr_tracker();
    auto pid = static_cast<pid_t>(tracker.pid());
    Fd process = pid > 0 ? open_process(pid) : Fd();
    // In this order: what has that start time now had it when it was opened, or else is dead.
    if (!process || start_time(pid) != tracker.start_time() ||
        trim(proc::PidDir(pid).read_if_there("comm")) != "cr-tracker")
        return;
    std::map<pid_t, mm::Watch> found;
    for (const img::cr_tracked_entry &task : tracker.tasks()) {
        auto one = static_cast<pid_t>(task.pid());
        if (one <= 0 || start_time(one) != task.start_time())
            continue;
        auto take = [&](int fd) {
            long copy = sys::pidfd_getfd(process.get(), fd);
            return copy < 0 ? Fd() : Fd(static_cast<int>(copy));
        };
        if (Fd fd = take(task.fd()))
            found[one] = {std::move(fd), task.soft_dirty(), task.has_moves_fd() ? take(task.moves_fd()) : Fd()};
    }
    if (hello_.track_mem()) {
        sys::call(SYS_pidfd_send_signal, process.get(), SIGKILL, 0, 0);
        if (!wait_for_end(process, 5000))
            failed_with(0, cat("end the tracker of the earlier dump, pid ", pid));
    }
    earlier_ = std::move(found);
}

std::unique_ptr<mm::Tracker> Tracking::tracker_of(pid_t pid, Fd fresh)
{
    auto found = earlier_.find(pid);
    if (found == earlier_.end() && !hello_.track_mem())
        return nullptr;
    mm::Watch earlier;
    if (found != earlier_.end())
        earlier = std::move(found->second);
    return mm::track(std::move(earlier), std::move(fresh));
}

void Tracking::keep(pid_t pid, mm::Watch watch)
{
    if (!watch.fd)
        return;
    std::lock_guard lock(mutex_);
    kept_[pid] = std::move(watch);
}

std::optional<img::cr_tracker_entry> Tracking::start()
{
    img::cr_tracker_entry out;
    std::vector<Fd> processes;
    std::vector<int> keep = {images_.fd()}, tasks;
    for (const auto &[pid, watch] : kept_) {
        Fd process = open_process(pid);
        auto started = start_time(pid);
        if (!process || !started)
            continue;
        img::cr_tracked_entry &task = *out.add_tasks();
        task.set_pid(static_cast<uint32_t>(pid));
        task.set_start_time(*started);
        task.set_fd(watch.fd.get());
        if (watch.soft_dirty) {
            task.set_soft_dirty(true);
            task.set_moves_fd(watch.moves.get());
            keep.push_back(watch.moves.get());
        }
        keep.push_back(watch.fd.get());
        keep.push_back(process.get());
        tasks.push_back(process.get());
        processes.push_back(std::move(process));
    }
    if (tasks.empty())
        return std::nullopt;
    // Forked twice: nobody of the pipeline is its parent. By the C library, since it allocates memory, and
    // another thread may be doing so now.
    int ends[2];
    sys::check(sys::call(SYS_pipe2, ends, O_CLOEXEC), "make a pipe");
    Fd from(ends[0]), to(ends[1]);
    pid_t middle = ::fork();
    if (middle < 0)
        failed("start the tracker");
    if (middle == 0) {
        pid_t child = ::fork();
        if (child == 0)
            be_tracker(keep, tasks, images_.fd(), hello_.run_id());
        sys::call(SYS_write, to.get(), &child, sizeof child);
        _exit(0);
    }
    int status;
    while (sys::call(SYS_wait4, middle, &status, 0, nullptr) == -EINTR)
        ;
    pid_t pid = 0;
    long n = sys::call(SYS_read, from.get(), &pid, sizeof pid);
    auto started = n == sizeof pid && pid > 0 ? start_time(pid) : std::nullopt;
    if (!started)
        failed_with(0, "start the tracker of what changes after this dump");
    out.set_pid(static_cast<uint32_t>(pid));
    out.set_start_time(*started);
    out.set_boot_id(boot_id());
    kept_.clear();
    return out;
}

} // namespace cr::session
