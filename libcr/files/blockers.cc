#include "libcr/files/blockers.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/parallel.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/bpf_map.h"
#include "libcr/files/external.h"
#include "libcr/files/further_options.h"
#include "libcr/files/identity.h"
#include "libcr/files/kinds.h"
#include "libcr/files/locks.h"
#include "libcr/files/proc_file.h"
#include "libcr/files/reg.h"
#include "libcr/files/unix_socket.h"
#include "libcr/files/unsupported.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/status.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/inet_diag.h"

#include <algorithm>
#include <set>
#include <sys/socket.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

// From here on one look at the locks of the whole machine is cheaper than one at each descriptor. That look
// waits for the kernel to quiesce (RCU), some 5 to 20 ms in which nothing is computed.
constexpr size_t kManyDescriptors = 1000;

std::optional<Blocker> judge(const Facts &facts, const DumpOptions &options)
{
    if (facts.fd < 0)
        return name_blocker(facts, options);
    if (facts.info.field("lock") && !options.file_locks)
        return blocker_of(facts, "it holds a file lock", "use --file-locks (-l)");
    if (is_external_file(facts, options))
        return std::nullopt;
    const Kind *kind = classify(facts);
    if (!kind) // whether one of the plugins really knows it is heard when it is dumped
        return plugin_kind(options) ? std::nullopt : std::optional(unsupported(facts));
    return kind->blocker(facts, options);
}

// Whether that number is a thread's: /proc/TID can be opened, too, though no listing shows it.
bool is_thread_number(pid_t pid)
try {
    return proc::parse_status(proc::PidDir(pid).read("status")).tgid != pid;
} catch (const cr::Error &) { // it is gone
    return false;
}

bool is_of_thread(const Facts &facts, const Kind *kind)
{
    auto name = parse_proc_name(facts.link);
    if (name && !name->dead && !name->tid)
        return is_thread_number(name->pid);
    return (name && name->tid && name->tid != name->pid) ||
           (kind == &kPidfd && facts.info.flags & O_EXCL /* PIDFD_THREAD */);
}

} // namespace

void BlockerSearch::look(pid_t pid, std::vector<Blocker> &out)
{
    auto what = [&] { return cat("pid ", pid); };
    Subject subject(what);
    TaskFiles task(pid);
    std::vector<Facts> found;
    for (int directory : {kRoot, kCwd})
        found.push_back(*task.facts(directory));
    for (Facts &facts : reader_.read(task, FactReader::Want::Look))
        found.push_back(std::move(facts));
    find_locks(task, found);

    std::vector<const Facts *> all;
    for (const Facts &facts : found)
        all.push_back(&facts);
    std::vector<uint32_t> first = first_alike(all);
    std::vector<std::optional<Blocker>> blockers(found.size());
    auto look = [&](size_t i) { blockers[i] = judge(found[i], options_); };
    parallel_for(found.size(), [&](size_t i) {
        if (first[i] == i)
            look(i);
    });
    for (size_t i = 0; i < found.size(); i++) {
        if (first[i] != i && blockers[first[i]])
            look(i);
        if (blockers[i])
            out.push_back(std::move(*blockers[i]));
        else
            remember(found[i], task.pidfd(), out);
    }
}

void BlockerSearch::finish_connections(std::vector<Blocker> &out)
{
    std::map<std::string, uint64_t> connections; // and the inode of the end
    std::set<uint32_t> with_keys;
    if (std::any_of(inet_.begin(), inet_.end(), [](auto &one) { return one.second.is_open_tcp(); }))
        with_keys = sys::tcp_with_md5_keys();
    for (auto &[facts, state] : inet_) {
        connections[connection_key(state.local, state.peer)] = facts.st.st_ino;
        if (with_keys.count(static_cast<uint32_t>(facts.st.st_ino)))
            state.unkept = "it has authentication keys (TCP_MD5SIG)";
    }
    std::set<uint64_t> told;
    for (const auto &[facts, state] : inet_) {
        auto other = connections.find(connection_key(state.peer, state.local));
        bool in_tree = other != connections.end() && other->second != facts.st.st_ino;
        if (auto blocker = inet_blocker(facts, state, options_))
            out.push_back(std::move(*blocker));
        else if (!is_or_will_be_connection(state) || options_.tcp_close || in_tree ||
                 !told.insert(facts.st.st_ino).second)
            continue;
        else if (!facts.carrier.empty())
            out.push_back(blocker_of(facts,
                                     cat("a TCP connection to ", address_text(state.peer),
                                         ", outside of the tree, that no process of the tree has"),
                                     "try again when it was received, or use --tcp-close"));
        else
            outer_.push_back({facts.pid, facts.fd, state.local, state.peer});
    }
}

// Reads fdinfo of those that may be locked.
void BlockerSearch::find_locks(const TaskFiles &task, std::vector<Facts> &found)
{
    std::vector<Facts *> suspects;
    for (Facts &facts : found)
        if (facts.fd >= 0 && facts.may_be_locked)
            suspects.push_back(&facts);
    std::optional<Locks> locks;
    if (suspects.size() >= kManyDescriptors)
        locks = Locks::read();
    parallel_for(suspects.size(), [&](size_t i) {
        if (!locks || locks->may_hold(suspects[i]->st))
            task.load_info(*suspects[i]);
    });
}

void BlockerSearch::remember(const Facts &facts, int pidfd, std::vector<Blocker> &out)
{
    if (is_external_file(facts, options_) || is_external_socket(facts, options_))
        return;
    const Kind *kind = facts.fd >= 0 ? classify(facts) : nullptr;
    bool is_socket = facts.fd >= 0 && S_ISSOCK(facts.st.st_mode);
    Fd copy = is_socket || kind == &kBpfMap || (kind && kind->look) ? take_copy(pidfd, facts.fd) : Fd();
    std::optional<Blocker> blocker = kind && kind->look ? kind->look(facts, copy.get()) : std::nullopt;
    if (!blocker && is_socket)
        blocker = filter_blocker(facts, copy.get());
    if (blocker)
        return out.push_back(std::move(*blocker));
    if (is_of_thread(facts, kind))
        of_thread_ = facts;
    if (facts.link.starts_with("pipe:[")) {
        pipes_[facts.st.st_ino].add(facts);
    } else if (facts.socket_domain == AF_UNIX) {
        if (unix_.emplace(static_cast<uint32_t>(facts.st.st_ino), facts).second && facts.carrier.empty())
            carried_.look(facts, copy.get());
    } else if (facts.socket_domain == AF_INET || facts.socket_domain == AF_INET6) {
        inet_.emplace_back(facts, inet_state(copy.get()));
    } else if (kind == &kBpfMap) {
        bpf_maps_.emplace(bpf_map_id(copy.get()), facts);
    } else if (facts.fd >= 0 && S_ISCHR(facts.st.st_mode) && !facts.is_path_only() &&
               tty_type(facts.st.st_rdev) != img::UNKNOWN) {
        terminals_.add(facts, pidfd);
    }
}

// They are judged like those of a task; our copies of them are ours.
void BlockerSearch::look_at_carried(std::vector<Blocker> &out)
{
    for (const Blocker &blocker : carried_.blockers())
        out.push_back(blocker);
    if (carried_.found().empty())
        return;
    Fd ours = sys::pidfd_open(::getpid());
    for (const Facts &facts : carried_.found())
        if (auto blocker = judge(facts, options_))
            out.push_back(std::move(*blocker));
        else
            remember(facts, ours.get(), out);
}

std::optional<Blocker> BlockerSearch::file_of_thread() const
{
    if (!of_thread_)
        return std::nullopt;
    return blocker_of(
        *of_thread_,
        "it is of a single thread, and the tree has threads with descriptors or directories of their own: "
        "both together are not supported",
        "close it before the dump");
}

void BlockerSearch::finish(std::vector<Blocker> &out)
{
    look_at_carried(out);
    std::map<pid_t, Fd> pidfds;
    auto pidfd_of = [&](pid_t pid) {
        Fd &pidfd = pidfds[pid];
        if (!pidfd)
            pidfd = sys::pidfd_open(pid);
        return pidfd.get();
    };
    for (const auto &[inode, ends] : pipes_)
        if (other_end_outside(ends, pidfd_of(ends.first.pid), options_))
            log::warning(ends.first.subject(), ": the other end of the pipe is held by a process outside of the tree; the "
                         "restored pipe has none, unless the restore is given it (--inherit-fd fd[N]:", ends.first.link, ")");
    terminals_.finish(options_, out);
    find_used_bpf_maps(bpf_maps_, out);
    finish_connections(out);
    if (unix_.empty())
        return;
    UnixSockets sockets;
    auto in_tree = [this](uint32_t inode) { return unix_.count(inode) != 0; };
    for (const auto &[inode, facts] : unix_)
        if (auto blocker = unix_blocker(facts, sockets, in_tree, options_))
            out.push_back(std::move(*blocker));
        else if (const sys::UnixSocket *socket = sockets.find(inode); !socket->waiting.empty())
            if (auto waiting =
                    waiting_.blocker(facts, sockets, take_copy(pidfd_of(facts.pid), facts.fd).get()))
                out.push_back(std::move(*waiting));
}

} // namespace cr::files
