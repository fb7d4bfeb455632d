#include "libcr/files/blockers.h"

#include "libcr/base/parallel.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/locks.h"
#include "libcr/files/reg.h"
#include "libcr/files/unix_socket.h"
#include "libcr/files/unsupported.h"

#include <future>
#include <set>
#include <sys/socket.h>
#include <system_error>

namespace cr::files
{

namespace
{

// From here on one look at the locks of the whole machine is cheaper than one at each descriptor. That look
// waits for the kernel to quiesce (RCU), some 5 to 20 ms in which nothing is computed.
constexpr size_t kManyDescriptors = 1000;

std::optional<Blocker> judge(const TaskFiles &task, Facts &facts, const DumpOptions &options,
                             const std::optional<Locks> &locks)
{
    if (facts.fd < 0)
        return name_blocker(facts, options);
    const Kind *kind = classify(facts);
    if (!kind)
        return unsupported(facts);
    if (!locks || locks->may_hold(facts.st))
        task.load_info(facts);
    if (facts.info.field("lock") && !options.file_locks)
        return blocker_of(facts, "it holds a file lock", "use --file-locks (-l)");
    return kind->blocker(facts, options);
}

// Beside other work, where a thread can be had.
std::future<Locks> read_locks()
{
    try {
        return std::async(std::launch::async, Locks::read);
    } catch (const std::system_error &) {
        return std::async(std::launch::deferred, Locks::read);
    }
}

} // namespace

void BlockerSearch::look(pid_t pid, std::vector<Blocker> &out)
{
    auto what = [&] { return cat("pid ", pid); };
    Subject subject(what);
    TaskFiles task(pid);
    std::vector<int> fds = task.candidates();
    fds.insert(fds.begin(), {kRoot, kCwd});
    std::future<Locks> reading;
    if (fds.size() >= kManyDescriptors)
        reading = read_locks();
    std::vector<std::optional<Facts>> found(fds.size());
    std::vector<std::optional<Blocker>> blockers(fds.size());
    parallel_for(fds.size(), [&](size_t i) { found[i] = task.facts(fds[i]); });
    std::optional<Locks> locks;
    if (reading.valid())
        locks = reading.get();
    parallel_for(fds.size(), [&](size_t i) {
        if (found[i])
            blockers[i] = judge(task, *found[i], options_, locks);
    });
    for (size_t i = 0; i < fds.size(); i++) {
        if (blockers[i])
            out.push_back(std::move(*blockers[i]));
        else if (found[i] && found[i]->link.starts_with("pipe:["))
            pipes_[found[i]->st.st_ino].add(*found[i]);
        else if (found[i] && found[i]->socket_domain == AF_UNIX)
            unix_[static_cast<uint32_t>(found[i]->st.st_ino)] = *found[i];
        else if (found[i] && found[i]->socket_domain)
            inet_.emplace_back(*found[i], inet_state(take_copy(task.pidfd(), fds[i]).get()));
        else if (found[i] && fds[i] >= 0 && S_ISCHR(found[i]->st.st_mode) &&
                 tty_type(found[i]->st.st_rdev) != img::UNKNOWN)
            terminals_.add(*found[i], task.pidfd());
    }
}

void BlockerSearch::finish_connections(std::vector<Blocker> &out)
{
    std::map<std::string, uint64_t> connections; // and the inode of the end
    for (const auto &[facts, state] : inet_)
        connections[connection_key(state.local, state.peer)] = facts.st.st_ino;
    std::set<uint64_t> told;
    for (const auto &[facts, state] : inet_) {
        auto other = connections.find(connection_key(state.peer, state.local));
        bool in_tree = other != connections.end() && other->second != facts.st.st_ino;
        if (auto blocker = inet_blocker(facts, state, options_))
            out.push_back(std::move(*blocker));
        else if (is_connection(state) && !options_.tcp_close && !in_tree &&
                 told.insert(facts.st.st_ino).second)
            outer_.push_back({facts.pid, facts.fd, state.local, state.peer});
    }
}

void BlockerSearch::finish(std::vector<Blocker> &out)
{
    for (const auto &[inode, ends] : pipes_) {
        TaskFiles task(ends.first.pid);
        if (auto blocker = other_end_outside(ends, task.release_pidfd().get(), options_))
            out.push_back(std::move(*blocker));
    }
    terminals_.finish(options_, out);
    finish_connections(out);
    if (unix_.empty())
        return;
    UnixSockets sockets;
    auto in_tree = [this](uint32_t inode) { return unix_.count(inode) != 0; };
    for (const auto &[inode, facts] : unix_)
        if (auto blocker = unix_blocker(facts, sockets, in_tree, options_))
            out.push_back(std::move(*blocker));
}

} // namespace cr::files
