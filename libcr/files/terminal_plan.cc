#include "libcr/files/terminal_plan.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/image/reader.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/proc/stat.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"

#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

constexpr size_t kMaxData = 1 << 20;

uint32_t next_id(const std::vector<img::file_entry> &entries)
{
    uint32_t last = 0;
    for (const img::file_entry &entry : entries)
        last = std::max(last, entry.id());
    if (last > UINT32_MAX - 8)
        bad_image(cat("the id ", last));
    return last + 1;
}

// Flags that a description in place of standard descriptor `number` shall have.
uint32_t flags_of(const std::string &stdio, int number)
{
    if (stdio == "inherit")
        return static_cast<uint32_t>(
            sys::check(sys::try_fcntl(number, F_GETFL), [&] { return cat("use our descriptor ", number); }));
    return stdio == "null" ? O_RDWR : number == 0 ? O_RDONLY : O_WRONLY | O_APPEND;
}

} // namespace

std::string callers_terminal(int given)
{
    struct winsize size; // asked for to see whether it is a terminal
    for (int fd : {given, 0, 1, 2})
        if (fd >= 0 && sys::try_ioctl(fd, TIOCGWINSZ, &size) == 0)
            return cat("/proc/self/fd/", fd);
    unsigned device = static_cast<unsigned>(proc::parse_stat(proc::PidDir(::getpid()).read("stat")).tty_nr);
    unsigned kind = major(device), number = minor(device);
    if (kind >= 136 && kind <= 143)
        return cat("/dev/pts/", (kind - 136) * 256 + number);
    return kind == 4 ? cat("/dev/tty", number) : "";
}

void TerminalPlan::read(const image::Dir &images, const RestoreOptions &options,
                        std::vector<img::file_entry> &entries)
{
    options_ = &options;
    read_images(images);
    collect_pairs(entries);
    if (options.orphan_pts_master)
        add_master(entries);
    if (!options.stdio.empty())
        replace(entries);
    // They have moved.
    pairs_.clear();
    masters_.clear();
    others_.clear();
    collect_pairs(entries);
    for (const img::file_entry &entry : entries) {
        if (orphan_info_ && entry.has_tty() && entry.tty().tty_info_id() == orphan_info_)
            orphan_master_ = &entry;
        if (entry.has_tty() && !replaced(entry) && is_outside(entry) && callers_.empty())
            callers_ = callers_terminal(options.terminal);
    }
    if (!callers_.empty() && !options.shell_job)
        log::warning("a terminal that was outside of the tree becomes this one (--shell-job)");
}

void TerminalPlan::read_images(const image::Dir &images)
{
    for (img::tty_info_entry &terminal : image::read_all<img::tty_info_entry>(images, image::Kind::TtyInfo))
        infos_[terminal.id()] = std::move(terminal);
    for (img::tty_data_entry &data : image::read_all<img::tty_data_entry>(images, image::Kind::TtyData)) {
        info(data.tty_id());
        if (data.data().size() > kMaxData || data.cr_received() > data.data().size())
            bad_image(cat(data.data().size(), " bytes that waited in terminal ", data.tty_id()));
        data_[data.tty_id()] = std::move(data);
    }
}

void TerminalPlan::collect_pairs(const std::vector<img::file_entry> &entries)
{
    for (const img::file_entry &entry : entries) {
        if (!entry.has_tty() || replaced(entry))
            continue;
        auto what = [&] { return cat("files.img: id ", entry.id()); };
        Subject subject(what);
        const img::tty_info_entry &terminal = info(entry);
        auto id = pty_of(terminal);
        if (id)
            pairs_[*id].push_back(&entry);
        else
            others_.push_back(&entry);
        if (id && is_master(terminal) && !masters_.insert(*id).second)
            bad_image(cat("two masters of the pseudo terminal ", id->index));
    }
}

// An entry like any other, for the one terminal whose master is not in the images.
void TerminalPlan::add_master(std::vector<img::file_entry> &entries)
{
    std::optional<uint32_t> slave;
    for (const img::file_entry &entry : entries) {
        if (!entry.has_tty() || !is_outside(entry) || info(entry).type() != img::PTY)
            continue;
        if (slave && *slave != entry.tty().tty_info_id())
            refused("there are two terminals whose masters are not in the images",
                    "only one can be given to the client of the RPC (--orphan-pts-master)");
        slave = entry.tty().tty_info_id();
    }
    if (!slave)
        return;
    img::tty_info_entry master = info(*slave);
    if (!master.has_pty())
        master.mutable_pty()->set_index(0);
    for (orphan_info_ = *slave + 1; infos_.count(orphan_info_); orphan_info_++)
        ;
    master.set_id(orphan_info_);
    master.set_rdev(static_cast<uint32_t>(makedev(5, 2)));
    master.set_locked(false);
    master.set_packet_mode(false);
    master.set_exclusive(false);
    infos_[*slave].mutable_pty()->set_index(master.pty().index());
    infos_[orphan_info_] = master;
    img::file_entry entry;
    entry.set_type(img::TTY);
    entry.set_id(next_id(entries));
    img::tty_file_entry &tty = *entry.mutable_tty();
    tty.set_id(entry.id());
    tty.set_tty_info_id(orphan_info_);
    tty.set_flags(O_RDWR);
    nobody(*tty.mutable_fown());
    entries.push_back(std::move(entry));
}

void TerminalPlan::replace(std::vector<img::file_entry> &entries)
{
    size_t n = entries.size();
    uint32_t next = next_id(entries);
    for (size_t i = 0; i < n; i++) {
        if (!entries[i].has_tty() || !is_outside(entries[i]))
            continue;
        bool reads = (entries[i].tty().flags() & O_ACCMODE) == O_RDONLY;
        auto stand_for = [&](img::file_entry &entry, int number) {
            replaced_[entry.id()] = number;
            entry.mutable_tty()->set_flags(flags_of(options_->stdio, number));
            nobody(*entry.mutable_tty()->mutable_fown());
        };
        for (int number : {0, 1, 2}) {
            img::file_entry copy = entries[i];
            copy.set_id(next++);
            copy.mutable_tty()->set_id(copy.id());
            ids_[{entries[i].id(), static_cast<uint32_t>(number)}] = copy.id();
            stand_for(copy, number);
            entries.push_back(std::move(copy));
        }
        stand_for(entries[i], reads ? 0 : 1);
    }
}

bool TerminalPlan::is_outside(const img::file_entry &entry) const
{
    const img::tty_info_entry &terminal = info(entry);
    auto id = pty_of(terminal);
    bool given = false;
    for (auto &[key, fd] : options_->inherited)
        given |= key == terminal_key(terminal.rdev(), terminal.dev());
    if (given || is_hung_up(terminal) || (id && masters_.count(*id)))
        return false;
    // One of the machine's is opened again, unless it was the caller's of then.
    bool of_others = terminal.sid() && !options_->pids.count(static_cast<pid_t>(terminal.sid()));
    return !is_of_machine(terminal) || (of_others && (options_->shell_job || !options_->stdio.empty()));
}

std::optional<int> TerminalPlan::replaced(const img::file_entry &entry) const
{
    auto found = replaced_.find(entry.id());
    return found == replaced_.end() ? std::nullopt : std::optional(found->second);
}

uint32_t TerminalPlan::id_at(uint32_t id, uint32_t fd) const
{
    auto found = ids_.find({id, fd});
    return found == ids_.end() ? id : found->second;
}

std::optional<PtyId> TerminalPlan::pty(const img::file_entry &entry) const
{
    if (!entry.has_tty() || replaced(entry))
        return std::nullopt;
    auto id = pty_of(info(entry));
    return id && masters_.count(*id) ? id : std::nullopt;
}

uint32_t TerminalPlan::first_id(const PtyId &id) const { return pair(id).front()->id(); }

const img::file_entry *TerminalPlan::of_session(pid_t session) const
{
    auto is_its = [&](const img::file_entry *entry) {
        const img::tty_info_entry &terminal = info(*entry);
        return !is_master(terminal) && terminal.sid() == static_cast<uint32_t>(session);
    };
    for (auto &[id, pair] : pairs_)
        if (masters_.count(id))
            for (const img::file_entry *each : pair)
                if (is_its(each))
                    return each;
    for (const img::file_entry *each : others_)
        if (is_of_machine(info(*each)) && is_its(each) && !is_outside(*each))
            return each;
    return nullptr;
}

const img::tty_data_entry *TerminalPlan::data(uint32_t info_id) const
{
    auto found = data_.find(info_id);
    return found == data_.end() ? nullptr : &found->second;
}

const img::tty_info_entry &TerminalPlan::info(const img::file_entry &entry) const
{
    return info(entry.tty().tty_info_id());
}

const img::tty_info_entry &TerminalPlan::info(uint32_t id) const
{
    auto found = infos_.find(id);
    if (found == infos_.end())
        bad_image(cat("there is no terminal ", id, " in tty-info.img"));
    return found->second;
}

} // namespace cr::files
