// epoll: which files are watched, for what, with which data. fdinfo has one line for each:
//
//   tfd:        5 events:       19 data:             1234  pos:0 ino:40e sdev:10
//
// tfd is the number under which the file was added, and it is part of the registration: the file may since
// have been moved to another number or live on in another task only. kcmp (KCMP_EPOLL_TFD) compares a
// descriptor with a registration, named by tfd and, among registrations of equal tfd, by its place in fdinfo.
// So the number itself is tried first, then every descriptor of the tree with that inode.
//
// On restore a registration has to be made under the same number again. The opener does that for all, once
// every file is open: it puts the file at that number for the moment of EPOLL_CTL_ADD. A registration belongs
// to the two files, not to who makes it, so the tasks need not do anything.
//
// But a signalfd has no signals of its own: an epoll that watches it waits for those of the process that made
// the registration, and for nothing any more when that ends. No kernel tells whose they are. So the first
// task that has the epoll open makes it again, in its own program.
//
// A one-shot registration that was used up has no events left, but EPOLL_CTL_ADD always adds errors and
// hang-ups. It is used up again instead: made for all events, and reported once, which any file does that can
// be written to or has something to read. Only one that is not ready for anything now is left waiting for
// errors and hang-ups.
//
// Not kept: which edges (EPOLLET) were reported already. A ready file is reported once more.
#include "libcr/files/eventpoll.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/tree.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <fcntl.h>
#include <map>
#include <set>
#include <sys/epoll.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

bool claims(const Facts &f) { return f.is_anon("eventpoll"); }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

// The number after "KEY:" in a line of fdinfo.
uint64_t take_number(std::string_view line, std::string_view key, int base)
{
    size_t at = line.find(key);
    std::string_view rest = at == std::string_view::npos ? "" : line.substr(at + key.size());
    std::string_view word = take_word(rest);
    if (auto number = parse_int<uint64_t>(word, base))
        return *number;
    if (auto negative = parse_int<int64_t>(word, base))
        return static_cast<uint64_t>(*negative);
    failed_with(0, cat("understand fdinfo: ", key, " in \"", printable(line), "\""));
}

void capture(Capture &c)
{
    img::eventpoll_file_entry &epfd = *c.entry().mutable_epfd();
    epfd.set_id(c.id());
    epfd.set_flags(c.flags());
    for (std::string_view line : c.facts().info.fields("tfd")) {
        img::eventpoll_tfd_entry &tfd = *epfd.add_tfd();
        tfd.set_id(c.id());
        std::string_view rest = line;
        tfd.set_tfd(static_cast<uint32_t>(take_number(take_word(rest), "", 10)));
        tfd.set_events(static_cast<uint32_t>(take_number(rest, "events:", 16)));
        tfd.set_data(take_number(rest, "data:", 16));
        tfd.set_pos(take_number(rest, "pos:", 10));
        tfd.set_inode(take_number(rest, "ino:", 16));
        tfd.set_dev(static_cast<uint32_t>(take_number(rest, "sdev:", 16)));
    }
    c.owner(*epfd.mutable_fown());
}

// Finds the description behind the `place`-th registration of the number tfd.tfd().
class Targets
{
  public:
    explicit Targets(Tree &tree) : tree_(tree)
    {
        for (const Description &description : tree.descriptions())
            by_inode_.emplace(description.facts.st.st_ino, &description);
    }

    const Description *find(const Description &epoll, const img::eventpoll_tfd_entry &tfd,
                            uint32_t place) const
    {
        auto holder = epoll.holders.front();
        pid_t pid = holder.first; // clang 14 captures no structured bindings
        int fd = holder.second;
        auto is_target = [&](pid_t of, int number) {
            return sys::is_epoll_target(of, number, pid, fd, tfd.tfd(), place);
        };
        int number = static_cast<int>(tfd.tfd());
        for (auto &[holder, ignored] : epoll.holders)
            if (auto found = tree_.find(holder, number); found && is_target(holder, number))
                return found;
        auto [first, last] = by_inode_.equal_range(tfd.inode());
        for (auto each = first; each != last; ++each)
            if (auto &[of, at] = each->second->holders.front(); at >= 0 && is_target(of, at))
                return each->second;
        return nullptr;
    }

  private:
    Tree &tree_;
    std::multimap<uint64_t, const Description *> by_inode_;
};

// Where a reader that goes by numbers finds the target: with the epoll's first holder, if he has it.
uint32_t number_of(const Description &target, const Description &epoll, uint32_t added_as)
{
    pid_t holder = epoll.holders.front().first;
    uint32_t found = added_as;
    for (auto &[pid, fd] : target.holders) {
        if (pid == holder && fd == static_cast<int>(added_as))
            return added_as;
        if (pid == holder && found == added_as)
            found = static_cast<uint32_t>(fd);
    }
    return found;
}

void finish(Tree &tree)
{
    std::optional<Targets> targets;
    for (Description &epoll : tree.descriptions()) {
        if (epoll.kind != &kEventpoll)
            continue;
        if (!targets)
            targets.emplace(tree);
        auto what = [&] { return epoll.facts.subject(); };
        Subject subject(what);
        std::map<uint32_t, uint32_t> seen; // registrations of a number so far
        auto &all = *epoll.entry.mutable_epfd()->mutable_tfd();
        int kept = 0;
        for (int i = 0; i < all.size(); i++) {
            img::eventpoll_tfd_entry &tfd = all[i];
            uint32_t added_as = tfd.tfd();
            const Description *target = targets->find(epoll, tfd, seen[added_as]++);
            if (!target)
                refused(cat("it watches a file, added as descriptor ", added_as,
                            ", that nobody in the tree has open"),
                        "let the program remove it (EPOLL_CTL_DEL) before it closes the file");
            tfd.set_cr_target_type(static_cast<uint32_t>(target->entry.type()));
            tfd.set_cr_target_id(target->entry.id());
            tfd.set_tfd(number_of(*target, epoll, added_as));
            if (tfd.tfd() != added_as)
                tfd.set_cr_added_as(added_as);
            if (target->entry.type() == target->kind->type)
                all.SwapElements(kept++, i);
            else // /dev/null cannot be watched, and has nothing to tell
                log::warning(Subject::current(), ": it does not watch descriptor ", added_as, " any more");
        }
        all.DeleteSubrange(kept, all.size() - kept);
    }
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.epfd().flags(), &entry.epfd().fown()};
}

const img::file_entry &target_of(const img::file_entry &epoll, const img::eventpoll_tfd_entry &tfd,
                                 const Plan &plan)
{
    const img::file_entry *target =
        tfd.has_cr_target_id()
            ? plan.find(static_cast<img::fd_types>(tfd.cr_target_type()), tfd.cr_target_id())
            : plan.beside(epoll, tfd.tfd());
    if (!target || plan.number(*target) < 0)
        bad_image(cat("the file that it watches as descriptor ", tfd.tfd(), " is missing"));
    return *target;
}

uint32_t added_as(const img::eventpoll_tfd_entry &tfd)
{
    return tfd.has_cr_added_as() ? tfd.cr_added_as() : tfd.tfd();
}

const img::fdinfo_entry *find(const std::vector<img::fdinfo_entry> &table, const img::file_entry &file)
{
    auto is_it = [&](auto &d) { return d.id() == file.id() && d.type() == file.type(); };
    auto found = std::find_if(table.begin(), table.end(), is_it);
    return found == table.end() ? nullptr : &*found;
}

// The first descriptor table that has it; null when it is only on its way in a socket.
const std::vector<img::fdinfo_entry> *first_table_of(const img::file_entry &epoll, const Plan &plan)
{
    for (const std::vector<img::fdinfo_entry> *table : plan.tables())
        if (find(*table, epoll))
            return table;
    return nullptr;
}

// Whether the first task that has the epoll makes a registration, and not the opener.
bool is_made_by_task(const img::file_entry &epoll, const img::eventpoll_tfd_entry &tfd, const Plan &plan)
{
    if (target_of(epoll, tfd, plan).type() != img::SIGNALFD)
        return false;
    const std::vector<img::fdinfo_entry> *table = first_table_of(epoll, plan);
    return table && added_as(tfd) <= table->back().fd(); // above is the opener's pidfd
}

void check(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_epfd())
        bad_image("an epoll without its part");
    for (const img::eventpoll_tfd_entry &tfd : entry.epfd().tfd()) {
        if (added_as(tfd) >= (1u << 20))
            bad_image(cat("it watches descriptor ", added_as(tfd)));
        target_of(entry, tfd, plan);
    }
}

void needs(const img::file_entry &entry, const Plan &plan, std::vector<const img::file_entry *> &out)
{
    for (const img::eventpoll_tfd_entry &tfd : entry.epfd().tfd())
        out.push_back(&target_of(entry, tfd, plan));
}

void open(const img::file_entry &entry, Opener &opener)
{
    long made = sys::call(SYS_epoll_create1, EPOLL_CLOEXEC);
    opener.place(entry, Fd(static_cast<int>(sys::check(made, "make an epoll"))));
}

constexpr uint32_t kAllEvents = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP;
constexpr uint32_t kModes = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE; // what is no event

bool is_used_up(const img::eventpoll_tfd_entry &tfd)
{
    return tfd.events() & EPOLLONESHOT && !(tfd.events() & ~kModes);
}

void control(int epoll, int operation, int number, const epoll_event &event)
{
    sys::check(sys::call(SYS_epoll_ctl, epoll, operation, number, &event),
               [&] { return cat("watch descriptor ", number); });
}

void add(int epoll, int number, const img::eventpoll_tfd_entry &tfd)
{
    epoll_event event{}, reported;
    event.events = tfd.events();
    event.data.u64 = tfd.data();
    if (!is_used_up(tfd))
        return control(epoll, EPOLL_CTL_ADD, number, event);
    event.events |= kAllEvents;
    control(epoll, EPOLL_CTL_ADD, number, event);
    if (sys::call(SYS_epoll_wait, epoll, &reported, 1, 0) == 1)
        return;
    event.events = tfd.events();
    control(epoll, EPOLL_CTL_MOD, number, event);
}

void arm(const img::file_entry &entry, Opener &opener)
{
    const Plan &plan = opener.plan;
    // The epoll at two numbers: one of them may be that of a target for a moment.
    Fd aside = opener.aside(plan.number(entry));
    auto add_those = [&](bool used_up) {
        for (const img::eventpoll_tfd_entry &tfd : entry.epfd().tfd()) {
            if (is_used_up(tfd) != used_up || is_made_by_task(entry, tfd, plan))
                continue;
            int number = static_cast<int>(added_as(tfd));
            int epoll = number == aside.get() ? plan.number(entry) : aside.get();
            opener.at_number(plan.number(target_of(entry, tfd, plan)), number,
                             [&] { add(epoll, number, tfd); });
        }
    };
    add_those(true); // while no other one could be reported
    add_those(false);
}

// The operations of one task that make its registrations.
class SignalWatches
{
  public:
    SignalWatches(const Plan &plan, pid_t pid, program::OpId opener, task::Build &build)
        : plan_(plan), table_(plan.table(pid)), opener_(opener), build_(build)
    {
    }

    void add_all()
    {
        std::set<uint32_t> seen;
        for (const img::fdinfo_entry &own : table_) {
            if (own.type() != img::EVENTPOLL || !seen.insert(own.id()).second)
                continue;
            const img::file_entry &epoll = plan_.get(own.type(), own.id());
            if (first_table_of(epoll, plan_) != &table_)
                continue;
            for (const img::eventpoll_tfd_entry &tfd : epoll.epfd().tfd())
                if (is_made_by_task(epoll, tfd, plan_))
                    add(own, tfd, target_of(epoll, tfd, plan_));
        }
    }

  private:
    const img::fdinfo_entry *at(uint32_t number) const
    {
        auto is_it = [&](auto &d) { return d.fd() == number; };
        auto found = std::find_if(table_.begin(), table_.end(), is_it);
        return found == table_.end() ? nullptr : &*found;
    }

    void add(const img::fdinfo_entry &epoll, const img::eventpoll_tfd_entry &tfd,
             const img::file_entry &target)
    {
        uint32_t number = added_as(tfd);
        const img::fdinfo_entry *there = at(number);
        if (there && there->type() == target.type() && there->id() == target.id())
            return watch(epoll.fd(), number, tfd);
        // The signalfd is at another number, or with another task only.
        program::Program &p = build_.program;
        program::Value epoll_at = epoll.fd();
        program::OpId aside{};
        if (there) {
            aside = p.sys(SYS_fcntl, {number, F_DUPFD_CLOEXEC, 0});
            if (there == &epoll)
                epoll_at = aside;
        }
        program::OpId copy = p.sys(SYS_pidfd_getfd, {opener_, plan_.number(target), 0});
        p.sys(SYS_dup2, {copy, number});
        watch(epoll_at, number, tfd);
        p.sys(SYS_close, {copy});
        if (there) {
            p.sys(SYS_dup3, {aside, number, there->flags() & FD_CLOEXEC ? O_CLOEXEC : 0});
            p.sys(SYS_close, {aside});
        } else {
            p.sys(SYS_close, {number}, program::On::Ignore); // it may have been that of the copy
        }
    }

    void watch(program::Value epoll, uint32_t number, const img::eventpoll_tfd_entry &tfd)
    {
        epoll_event event{};
        event.events = tfd.events() | (is_used_up(tfd) ? kAllEvents : 0);
        event.data.u64 = tfd.data();
        control(epoll, EPOLL_CTL_ADD, number, event);
        event.events = tfd.events();
        if (is_used_up(tfd))
            control(epoll, EPOLL_CTL_MOD, number, event);
    }

    void control(program::Value epoll, int operation, uint32_t number, const epoll_event &event)
    {
        build_.program.sys(SYS_epoll_ctl,
                           {epoll, operation, number, build_.region.data(&event, sizeof event)},
                           program::On::Fail, cat("watched signalfd ", number));
    }

    const Plan &plan_;
    const std::vector<img::fdinfo_entry> &table_;
    program::OpId opener_;
    task::Build &build_;
};

} // namespace

void arm_signal_watches(const Plan &plan, pid_t pid, program::OpId opener, task::Build &build)
{
    SignalWatches(plan, pid, opener, build).add_all();
}

const Kind kEventpoll = {
    .name = "epoll",
    .type = img::EVENTPOLL,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = finish,
    .common = common,
    .check = check,
    .needs = needs,
    .open = open,
    .arm = arm,
    .kept = "watched files, also closed ones that live on, their data, used-up ones",
    .lost =
        [] { return std::string("which edges (EPOLLET) were told already: a ready file is told once more"); },
};

} // namespace cr::files
