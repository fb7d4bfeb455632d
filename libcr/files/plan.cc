#include "libcr/files/plan.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/external.h"
#include "libcr/files/kinds.h"
#include "libcr/files/locks.h"
#include "libcr/image/reader.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <fcntl.h>
#include <set>
#include <sys/resource.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

const std::string *name_of(const img::file_entry &entry)
{
    return entry.has_reg() ? &entry.reg().name() : nullptr;
}

// The largest number of descriptors a process may have here.
uint64_t hard_limit()
{
    struct rlimit limit {
    };
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_max;
}

// Names of other entries, and unix sockets of others that ours are connected to.
bool is_only_named(const img::file_entry &entry, const std::set<uint32_t> &names)
{
    constexpr uint32_t kExternal = 1; // USK_EXTERN
    return (entry.type() == img::REG && names.count(entry.id())) ||
           (entry.has_usk() && entry.usk().uflags() & kExternal);
}

} // namespace

std::string describe(const img::file_entry &entry)
{
    const Kind *kind = kind_of(entry.type());
    std::string text = kind ? kind->name : "file";
    if (auto name = name_of(entry))
        return printable(*name);
    if (entry.has_pipe())
        return cat(text, " ", entry.pipe().pipe_id());
    return cat(text, " ", entry.id());
}

Plan::Plan(const image::Dir &images, const std::vector<TaskTable> &tasks, RestoreOptions options)
    : images_(images), options_(std::move(options))
{
    for (auto &[key, fd] : options_.inherited)
        key = external_key(key);
    for (auto &[key, fd] : options_.inherited)
        if (fd >= options_.first_number)
            usage(cat("descriptor ", fd, " given for ", key, " is above ", options_.first_number - 1),
                  "use a smaller number");
    read_files();
    ghosts_ = Ghosts::read(images_, [&](uint32_t id) {
        const img::file_entry *entry = find(img::REG, id);
        return entry && entry->has_reg() ? &entry->reg() : nullptr;
    });
    for (const TaskTable &task : tasks)
        read_task(task);
    open_directories_as_paths();
    read_locks();
    memfds_ = read_memfds(images_);
    pipe_contents_ = read_pipe_contents(images_, image::Kind::PipesData);
    fifo_contents_ = read_pipe_contents(images_, image::Kind::FifoData);
    bpf_maps_ = read_bpf_map_contents(images_);
    assign_numbers();
    read_socket_queues();
    for (const img::file_entry &entry : entries_) {
        auto what = [&] { return cat("files.img: id ", entry.id()); };
        Subject subject(what);
        kind_of(entry.type())->check(entry, *this);
        has_late_ |= is_late(entry);
        has_of_threads_ |= stage(entry) == Stage::Threads;
    }
    check_needs();
    warn_of_unused_keys();
}

// A wrong number in one is easily typed, and then what it was for comes back without it.
void Plan::warn_of_unused_keys() const
{
    std::set<std::string> keys;
    for (const img::file_entry &entry : entries_) {
        if (entry.has_reg())
            for (const std::string &name : {entry.reg().cr_external(), entry.reg().name(), old_name(entry.reg())})
                keys.insert(external_key(name));
        if (entry.has_pipe())
            keys.insert(cat("pipe:[", entry.pipe().pipe_id(), "]"));
        if (entry.has_usk())
            keys.insert(cat("socket:[", entry.usk().ino(), "]"));
    }
    for (const auto &[id, memfd] : memfds_)
        keys.insert(external_key(cat("/memfd:", memfd.name())));
    for (const auto &[key, fd] : options_.inherited)
        if (!keys.count(key) && !key.starts_with("tty["))
            log::warning("--inherit-fd fd[", fd, "]:", printable(key), ": nothing in the images is that");
}

void Plan::read_files()
{
    entries_ = image::read_all<img::file_entry>(images_, image::Kind::Files);
    terminals_.read(images_, options_, entries_);
    for (size_t i = 0; i < entries_.size(); i++) {
        img::file_entry &entry = entries_[i];
        if (entry.has_reg())
            if (std::string here = mapped_name(entry.reg().name(), options_.paths); here != entry.reg().name()) {
                old_names_[entry.reg().id()] = entry.reg().name();
                entry.mutable_reg()->set_name(here);
            }
        map_names(entry, options_.paths);
        if (entry.has_reg() && options_.written.count(entry.id()) &&
            (entry.reg().flags() & O_ACCMODE) == O_RDONLY)
            entry.mutable_reg()->set_flags(entry.reg().flags() | O_RDWR);
        if (entry.has_memfd() && options_.written.count(entry.id()) &&
            (entry.memfd().flags() & O_ACCMODE) == O_RDONLY)
            entry.mutable_memfd()->set_flags(entry.memfd().flags() | O_RDWR);
        auto what = [&] { return cat("files.img: id ", entry.id()); };
        Subject subject(what);
        if (!kind_of(entry.type()))
            refused(cat("descriptors of type ", static_cast<int>(entry.type()), " are not supported yet"));
        if (!by_id_.emplace(std::pair(entry.type(), entry.id()), i).second)
            bad_image("the id comes twice");
        if (entry.has_pipe())
            pipes_[entry.pipe().pipe_id()].push_back(&entry);
        if (entry.has_fifo())
            fifos_[entry.fifo().pipe_id()].push_back(&entry);
        if (entry.has_usk() && !unix_sockets_.emplace(entry.usk().ino(), i).second)
            bad_image(cat("unix socket ", entry.usk().ino(), " comes twice"));
    }
}

void Plan::read_task(const TaskTable &task)
{
    auto what = [&] { return cat("pid ", task.pid, ": fdinfo-", task.files_id, ".img"); };
    Subject subject(what);
    Task &out = tasks_[task.pid];
    out.table = &read_table(task.files_id);
    out.fs = image::read_one<img::fs_entry>(images_, image::Kind::Fs, static_cast<uint64_t>(task.pid));
    for (uint32_t id : {out.fs.cwd_id(), out.fs.root_id()})
        if (!S_ISDIR(get(img::REG, id).reg().mode() | (get(img::REG, id).reg().has_mode() ? 0 : S_IFDIR)))
            bad_image(cat("file ", id, " is used as a directory, but is none"));
}

const Plan::Table &Plan::read_table(uint32_t files_id)
{
    auto [place, is_new] = tables_.try_emplace(files_id);
    Table &table = place->second;
    if (!is_new)
        return table;
    in_order_.push_back(&table);
    table = image::read_all<img::fdinfo_entry>(images_, image::Kind::Fdinfo, files_id);
    for (img::fdinfo_entry &entry : table)
        if (entry.type() == img::TTY)
            entry.set_id(terminals_.id_at(entry.id(), entry.fd()));
    auto by_number = [](auto &a, auto &b) { return a.fd() < b.fd(); };
    std::sort(table.begin(), table.end(), by_number);
    uint64_t limit = hard_limit();
    for (size_t i = 0; i < table.size(); i++) {
        const img::fdinfo_entry &entry = table[i];
        if (i && table[i - 1].fd() == entry.fd())
            bad_image(cat("descriptor ", entry.fd(), " comes twice"));
        if (entry.fd() >= INT32_MAX)
            bad_image(cat("descriptor number ", entry.fd()));
        if (entry.fd() + uint64_t{1} >= limit)
            refused(cat("descriptor ", entry.fd(), " is above the limit of ", limit, " here"),
                    "raise the hard limit on open files (ulimit -Hn)");
        get(entry.type(), entry.id());
    }
    return table;
}

void Plan::read_locks()
{
    for (img::file_lock_entry &lock :
         image::read_all<img::file_lock_entry>(images_, image::Kind::Filelocks)) {
        auto what = [&] { return cat("filelocks.img: pid ", lock.pid(), ", fd ", lock.fd()); };
        Subject subject(what);
        check_lock(lock);
        auto task = tasks_.find(lock.pid());
        if (task == tasks_.end())
            bad_image("a lock of a process that is not in the images");
        auto is_its = [&](auto &d) { return static_cast<int64_t>(d.fd()) == lock.fd(); };
        if (std::none_of(task->second.table->begin(), task->second.table->end(), is_its))
            bad_image("a lock through a descriptor that the process does not have");
        task->second.locks.push_back(std::move(lock));
    }
}

// Directories that are only gone to: closing them afterwards must be no event for those who watch them.
void Plan::open_directories_as_paths()
{
    std::set<uint32_t> directories, held;
    for (auto &[pid, task] : tasks_) {
        directories.insert({task.fs.cwd_id(), task.fs.root_id()});
        for (const img::fdinfo_entry &entry : *task.table)
            if (entry.type() == img::REG)
                held.insert(entry.id());
    }
    for (img::file_entry &entry : entries_)
        if (entry.type() == img::REG && directories.count(entry.id()) && !held.count(entry.id()))
            entry.mutable_reg()->set_flags(entry.reg().flags() | O_PATH);
}

const img::file_entry *Plan::unix_socket(uint32_t inode) const
{
    auto found = unix_sockets_.find(inode);
    return found == unix_sockets_.end() ? nullptr : &entries_[found->second];
}

void Plan::assign_numbers()
{
    // Names of FIFOs and terminals, and temporary ones, are not opened as files.
    std::set<uint32_t> names;
    for (const img::file_entry &entry : entries_) {
        if (entry.has_reg() && ghosts_.is_name(entry.id()))
            names.insert(entry.id());
        if (entry.has_fifo())
            names.insert(entry.fifo().has_regf_id() ? entry.fifo().regf_id() : entry.id());
        if (entry.has_tty() && entry.tty().has_regf_id())
            names.insert(entry.tty().regf_id());
    }
    int &next = end_number_ = options_.first_number;
    for (const img::file_entry &entry : entries_)
        numbers_.push_back(is_only_named(entry, names) ? -1 : next++);
    if (static_cast<uint64_t>(next) + 8 > hard_limit())
        refused(
            cat(entries_.size(), " open files are more than one process may have here (", hard_limit(), ")"),
            "raise the hard limit on open files (ulimit -Hn)");
}

// Depth first along what each needs. One that is met again on the way to itself closes a circle, which the
// kernel would refuse in the middle of the restore.
void Plan::check_needs() const
{
    enum class State : uint8_t { New, OnTheWay, Done };
    struct Step {
        const img::file_entry *entry;
        std::vector<const img::file_entry *> needs;
    };
    std::vector<State> states(entries_.size(), State::New);
    auto state = [&](const img::file_entry *e) -> State & {
        return states[static_cast<size_t>(e - entries_.data())];
    };
    std::vector<Step> way;
    auto enter = [&](const img::file_entry *entry) {
        state(entry) = State::OnTheWay;
        Step &step = way.emplace_back(Step{entry, {}});
        if (const Kind *kind = kind_of(entry->type()); kind->needs)
            kind->needs(*entry, *this, step.needs);
    };
    for (const img::file_entry &start : entries_) {
        if (state(&start) == State::New)
            enter(&start);
        while (!way.empty()) {
            Step &step = way.back();
            if (step.needs.empty()) {
                state(step.entry) = State::Done;
                way.pop_back();
                continue;
            }
            const img::file_entry *next = step.needs.back();
            step.needs.pop_back();
            if (state(next) == State::New) {
                enter(next);
            } else if (state(next) == State::OnTheWay) {
                std::string members;
                for (size_t i = way.size();
                     i-- > 0 && (members += cat(" ", way[i].entry->id()), way[i].entry != next);)
                    ;
                bad_image(cat("files need each other in a circle:", members));
            }
        }
    }
}

const img::file_entry *Plan::find(img::fd_types type, uint32_t id) const
{
    auto found = by_id_.find({type, id});
    return found == by_id_.end() ? nullptr : &entries_[found->second];
}

const img::file_entry &Plan::get(img::fd_types type, uint32_t id) const
{
    const img::file_entry *entry = find(type, id);
    if (!entry)
        bad_image(cat("there is no file of id ", id, " and type ", static_cast<int>(type), " in files.img"));
    return *entry;
}

int Plan::opener_fd(uint32_t file_id) const
{
    for (img::fd_types type : {img::MEMFD, img::PACKETSK})
        if (const img::file_entry *entry = find(type, file_id))
            return number(*entry);
    int number = this->number(get(img::REG, file_id));
    if (number < 0)
        bad_image(cat("file ", file_id, " is the name of a FIFO or terminal"));
    return number;
}

Stage Plan::stage(const img::file_entry &entry) const
{
    const Kind *kind = kind_of(entry.type());
    return kind->stage && number(entry) >= 0 ? kind->stage(entry, *this) : Stage::Nobody;
}

const std::string &Plan::file_name(uint32_t file_id) const { return get(img::REG, file_id).reg().name(); }

std::vector<std::string> Plan::describe() const
{
    std::vector<std::string> out;
    for (const img::file_entry &entry : entries_)
        if (number(entry) >= 0)
            out.push_back(cat(number(entry), ": ", files::describe(entry)));
    return out;
}

std::vector<Error> Plan::look_at_files() const
{
    std::vector<Error> out;
    for (const img::file_entry &entry : entries_) {
        const Kind *kind = kind_of(entry.type());
        if (!kind->find || number(entry) < 0 || is_late(entry))
            continue;
        try {
            kind->find(entry, *this);
        } catch (const Error &error) {
            out.push_back(error);
        }
    }
    return out;
}

const std::vector<img::fdinfo_entry> &Plan::table(pid_t pid) const { return *tasks_.at(pid).table; }

const img::fs_entry &Plan::fs(pid_t pid) const { return tasks_.at(pid).fs; }

const img::file_entry *Plan::beside(const img::file_entry &file, uint32_t fd) const
{
    auto is_file = [&](auto &d) { return d.id() == file.id() && d.type() == file.type(); };
    for (auto &[id, table] : tables_) {
        auto found =
            std::lower_bound(table.begin(), table.end(), fd, [](auto &d, uint32_t n) { return d.fd() < n; });
        if (found != table.end() && found->fd() == fd && std::any_of(table.begin(), table.end(), is_file))
            return find(found->type(), found->id());
    }
    return nullptr;
}

void Plan::read_socket_queues()
{
    socket_queues_ = read_queues(images_);
    for (auto &[socket, packets] : socket_queues_)
        for (const Packet &packet : packets)
            for (uint32_t id : packet.rights)
                carried_[id] = nullptr;
    for (const img::file_entry &entry : entries_)
        if (auto wanted = carried_.find(entry.id()); wanted != carried_.end() && number(entry) >= 0)
            wanted->second = &entry;
    for (auto &[id, entry] : carried_)
        if (!entry)
            bad_image(cat("a socket carries the file ", id, ", which is not there"));
}

const std::string &Plan::old_name(const img::reg_file_entry &file) const
{
    auto other = old_names_.find(file.id());
    return other != old_names_.end() ? other->second : file.name();
}

bool Plan::has_last_work() const
{
    return std::any_of(entries_.begin(), entries_.end(),
                       [](const img::file_entry &entry) { return entry.bpf().cr_pins_size() != 0; });
}

bool Plan::inherits(const std::string &key) const
{
    auto is_it = [&](auto &given) { return given.first == key; };
    return std::any_of(options_.inherited.begin(), options_.inherited.end(), is_it);
}

Fd Plan::inherit(const std::string &key, uint32_t flags) const
{
    for (auto &[given, fd] : options_.inherited) {
        if (given != key)
            continue;
        struct stat st = sys::stat_of(fd, "what was inherited");
        // What cannot be opened again, and devices of which each opening is another one.
        if (S_ISSOCK(st.st_mode) || (S_ISCHR(st.st_mode) && !::isatty(fd)))
            return inherit_as_is(key);
        std::string path = cat("/proc/self/fd/", fd);
        Fd both; // while it is there nobody waits for the other end
        int unwanted = O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW;
        if (S_ISFIFO(st.st_mode)) {
            both = Fd(static_cast<int>(sys::try_open_at(AT_FDCWD, path.c_str(), O_RDWR | O_NONBLOCK)));
            unwanted |= O_DIRECT; // no file system's: set when it is in its place
        }
        long r = sys::try_open_at(AT_FDCWD, path.c_str(), (static_cast<int>(flags) & ~unwanted) | O_NOCTTY);
        return Fd(static_cast<int>(sys::check(r, [&, fd = fd] { return cat("open descriptor ", fd, " again for ", printable(key)); })));
    }
    return Fd();
}

Fd Plan::inherit_as_is(const std::string &key) const
{
    for (auto &[given, fd] : options_.inherited)
        if (given == key)
            return Fd(
                static_cast<int>(sys::check(sys::try_fcntl(fd, F_DUPFD_CLOEXEC), "take what was inherited")));
    return Fd();
}

} // namespace cr::files
