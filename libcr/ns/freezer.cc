#include "libcr/ns/freezer.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/sys/cgroupfs.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <ctime>
#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::ns
{

namespace
{

using Clock = std::chrono::steady_clock;

constexpr const char *kState = "freezer.state", *kFreeze = "cgroup.freeze", *kEvents = "cgroup.events";
// Of version 1: what was asked for here, and whether a directory above is frozen.
constexpr const char *kSelf = "freezer.self_freezing", *kParent = "freezer.parent_freezing";

bool wait_for(Clock::time_point deadline)
{
    constexpr timespec kMoment{0, 200'000};
    sys::call(SYS_nanosleep, &kMoment, nullptr);
    return Clock::now() < deadline;
}

} // namespace

Freezer::Freezer(const std::string &path)
    : Freezer(sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY), path)
{
}

Freezer::Freezer(Fd dir, std::string name) : dir_(std::move(dir)), name_(std::move(name))
{
    auto state = sys::read_cgroup_file(dir_.get(), kState);
    auto frozen = state ? std::nullopt : sys::read_cgroup_file(dir_.get(), kFreeze);
    if (!state && !frozen)
        refused(cat(name_, " is no directory that freezes tasks: it has neither freezer.state nor cgroup.freeze"),
                "give one below the root of the hierarchy of version 2, or of the controller freezer");
    version_2_ = !state;
    was_frozen_ = (state ? sys::read_cgroup_file(dir_.get(), kSelf) : frozen) == "1";
}

Freezer::~Freezer()
{
    try {
        set_back();
    } catch (const Error &error) {
        log::error(error.what());
    }
}

bool Freezer::is(bool frozen) const
{
    if (version_2_)
        return sys::read_cgroup_file(dir_.get(), kEvents).value_or("").find(frozen ? "frozen 1" : "frozen 0") !=
               std::string::npos;
    return sys::read_cgroup_file(dir_.get(), kState) == (frozen ? "FROZEN" : "THAWED");
}

long Freezer::set(bool frozen) const
{
    if (version_2_)
        return sys::write_cgroup_file(dir_.get(), kFreeze, frozen ? "1" : "0");
    return sys::write_cgroup_file(dir_.get(), kState, frozen ? "FROZEN" : "THAWED");
}

bool Freezer::is_frozen_from_above() const
{
    if (!version_2_)
        return sys::read_cgroup_file(dir_.get(), kParent) == "1";
    auto parent_of = [](int dir) { return sys::open_at(dir, "..", O_RDONLY | O_DIRECTORY); };
    for (Fd dir = parent_of(dir_.get());; dir = parent_of(dir.get())) {
        auto frozen = sys::read_cgroup_file(dir.get(), kFreeze);
        if (!frozen) // the root has none
            return false;
        if (frozen == "1")
            return true;
    }
}

void Freezer::refuse_frozen_from_above() const
{
    if (is_frozen_from_above())
        refused(cat(name_, " is frozen by a directory above it"), "give that one to --freeze-cgroup, or thaw it");
}

void Freezer::freeze(std::chrono::milliseconds timeout)
{
    refuse_frozen_from_above();
    watcher_ = std::make_unique<sys::Watcher>("cr-freezer", [this] { set(was_frozen_); });
    if (was_frozen_)
        return;
    changed_ = true;
    Clock::time_point deadline = Clock::now() + timeout;
    sys::check(set(true), [&] { return "freeze " + name_; });
    while (!is(true)) {
        if (wait_for(deadline))
            continue;
        set_back();
        failed_with(0, cat("freeze ", name_, ": not all of its tasks stand in time"),
                    "give a longer --timeout, or none of --freeze-cgroup");
    }
}

void Freezer::thaw()
{
    changed_ = was_frozen_;
    sys::check(set(false), [&] { return "thaw " + name_; });
    if (!was_frozen_)
        watcher_.reset();
}

void Freezer::set_back()
{
    if (changed_) {
        changed_ = false;
        sys::check(set(was_frozen_), [&] { return cat(was_frozen_ ? "freeze " : "thaw ", name_); });
    }
    watcher_.reset();
}

CgroupOverride Freezer::before() const
{
    CgroupOverride out;
    out.inode = sys::stat_of(dir_.get(), name_).st_ino;
    out.property = version_2_ ? kFreeze : kState;
    out.value = version_2_ ? (was_frozen_ ? "1" : "0") : (was_frozen_ ? "FROZEN" : "THAWED");
    return out;
}

std::unique_ptr<Freezer> freezer_of(const std::vector<proc::Cgroup> &task,
                                    const std::vector<proc::Cgroup> &own, const std::string &yard)
{
    auto place_in = [](const std::vector<proc::Cgroup> &places, std::string_view name) -> const proc::Cgroup * {
        for (const proc::Cgroup &place : places)
            if (cat(",", place.controllers, ",").find(cat(",", name, ",")) != std::string::npos)
                return &place;
        return nullptr;
    };
    for (const char *name : {"freezer", ""}) {
        const proc::Cgroup *theirs = place_in(task, name), *ours = place_in(own, name);
        if (!theirs || (ours && ours->path == theirs->path) || theirs->path.size() < 2)
            continue;
        try {
            Fd root = sys::open_cgroup_hierarchy(theirs->controllers, yard);
            auto out = std::make_unique<Freezer>(
                sys::open_at(root.get(), theirs->path.c_str() + 1, O_RDONLY | O_DIRECTORY),
                cat("the control group ", theirs->controllers, ":", printable(theirs->path)));
            if (out->was_frozen() || out->is_frozen_from_above())
                return out;
        } catch (const Error &error) {
            log::debug("whether the tree is frozen by a control group is not known: ", error.what());
        }
    }
    return nullptr;
}

} // namespace cr::ns
