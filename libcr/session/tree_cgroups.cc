#include "libcr/session/tree_cgroups.h"

#include "libcr/base/log.h"
#include "libcr/base/parallel.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/image/writer.h"
#include "libcr/inject/tree.h"
#include "libcr/session/freeze.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::session
{

// By its path: half the calls of an opened directory, and there may be thousands of threads. Empty when the
// thread is gone.
static std::string text_of(pid_t pid, pid_t tid)
{
    long fd = sys::try_open_at(AT_FDCWD, cat("/proc/", pid, "/task/", tid, "/cgroup").c_str(), O_RDONLY);
    if (fd < 0)
        return {};
    Fd file(static_cast<int>(fd));
    std::string out;
    for (size_t had = 0;;) {
        out.resize(had + 4096);
        long n = sys::call(SYS_read, file.get(), out.data() + had, 4096);
        had += n > 0 ? static_cast<size_t>(n) : 0;
        out.resize(had);
        if (n <= 0)
            return out;
    }
}

TreeCgroups::TreeCgroups(const FreezeRequest &request)
    : request_(request), own_(text_of(::getpid(), ::getpid())), sets_(own_)
{
}

bool TreeCgroups::ignored() const { return request_.cgroups.mode == ns::CgroupMode::Ignore; }

void TreeCgroups::freeze(inject::FreezeOptions &options)
{
    if (inject::thread_ids(request_.tree).empty())
        return; // whoever stops the tree says so
    if (!request_.freeze_cgroup.empty()) {
        freezer_ = std::make_unique<ns::Freezer>(request_.freeze_cgroup);
    } else {
        std::string text = text_of(request_.tree, request_.tree);
        if (text != own_)
            freezer_ =
                ns::freezer_of(proc::parse_cgroups(text), proc::parse_cgroups(own_), request_.cgroups.yard);
    }
    if (!freezer_)
        return;
    options.stand_still = [this] { freezer_->freeze(request_.timeout); };
    options.all_seized = [this] { freezer_->thaw(); };
    options.before_resume = [this] {
        try {
            freezer_->set_back();
        } catch (const Error &error) {
            log::error(error.what());
        }
    };
}

void TreeCgroups::look(inject::FrozenTree &tree, BlockersFound &found)
{
    for (const inject::FrozenTask &task : tree.tasks()) {
        auto name = [&] { return inject::subject_of(task.pid); };
        Subject subject(name);
        std::vector<std::string> texts(task.threads.size());
        parallel_for(texts.size(), [&](size_t i) {
            texts[i] = text_of(task.pid, task.threads[i].tid);
        });
        for (size_t i = 0; i < texts.size(); i++) {
            if (ignored() && texts[i] != own_) {
                log::warning("pid ", task.pid, ": its control groups (", printable(trim(texts[i])),
                             ") will not be restored: the restored task has those of its restorer");
                break;
            }
            if (ignored() || texts[i].empty())
                continue;
            try {
                if (texts[i] != own_)
                    ns::CgroupSets::check(texts[i]);
                found.cgroup_sets[task.threads[i].tid] = sets_.id_of(texts[i]);
            } catch (const Error &error) {
                found.blockers.push_back(error);
                break;
            }
        }
        // Of a main thread that has ended nothing is told; it was where the others are.
        if (auto first = found.cgroup_sets.find(task.reader()); first != found.cgroup_sets.end())
            found.cgroup_sets.emplace(task.pid, first->second);
    }
}

void TreeCgroups::write(const image::Dir &images) const
{
    if (ignored() || sets_.only_own())
        return;
    ns::CgroupOverride frozen;
    if (freezer_)
        frozen = freezer_->before();
    image::write_one(images, image::Kind::Cgroup, 0, ns::dump_cgroups(sets_, request_.cgroups, frozen));
}

} // namespace cr::session
