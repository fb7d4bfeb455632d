#include "libcr/files/tree.h"

#include "fs.pb.h"
#include "libcr/base/error.h"
#include "libcr/base/parallel.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/external.h"
#include "libcr/files/identity.h"
#include "libcr/files/kinds.h"
#include "libcr/files/locks.h"
#include "libcr/files/message_queue.h"
#include "libcr/files/reg.h"
#include "libcr/files/unsupported.h"
#include "libcr/files/watched.h"
#include "libcr/proc/status.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"

#include <algorithm>
#include <sys/socket.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

// The subject is on the stack already.
[[noreturn]] void refuse(const Blocker &blocker) { refused(blocker.reason, blocker.remedy); }

} // namespace

void set_no_owner(img::fown_entry &nobody)
{
    for (auto set : {&img::fown_entry::set_uid, &img::fown_entry::set_euid, &img::fown_entry::set_signum,
                     &img::fown_entry::set_pid_type, &img::fown_entry::set_pid})
        (nobody.*set)(0);
}

Blocker blocker_of(const Facts &facts, std::string reason, std::string remedy)
{
    return {facts.subject(), std::move(reason), std::move(remedy)};
}

void Capture::owner(img::fown_entry &to) const
{
    const Owner &from = description.facts.owner;
    to.set_uid(from.uid);
    to.set_euid(from.euid);
    to.set_signum(from.signum);
    to.set_pid_type(from.pid_type);
    to.set_pid(from.pid);
}

void Tree::add(pid_t pid, pid_t vpid, uint32_t files_id)
{
    Task &task = tasks_[pid];
    task.pid = pid;
    task.vpid = vpid;
    task.files_id = files_id;
    task.table_of = by_files_id_.emplace(files_id, pid).first->second;
    TaskFiles files(pid);
    task.umask = proc::parse_status(files.status()).umask;
    for (int directory : {kRoot, kCwd}) {
        task.facts.push_back(*files.facts(directory));
        task.facts.back().info.flags = O_DIRECTORY;
    }
    if (task.table_of == pid)
        for (Facts &facts : reader_.read(files, FactReader::Want::All))
            task.facts.push_back(std::move(facts));
    task.pidfd = files.release_pidfd();
}

void Tree::claim(uint32_t id, pid_t pid, const std::string &via, const std::string &link, uint32_t flags)
{
    Facts facts;
    facts.pid = pid;
    facts.fd = kClaim;
    facts.link = link;
    facts.info.flags = flags;
    auto what = [&] { return facts.subject(); };
    Subject subject(what);
    if (std::string_view rest = link; take_until(rest, '[') == "socket:") {
        mapped_sockets_[parse_int<ino_t>(take_until(rest, ']')).value_or(0)] = id;
        return;
    }
    Fd fd = sys::open_at(AT_FDCWD, via.c_str(), static_cast<int>(flags));
    facts.st = sys::stat_of(fd.get(), link);
    img::file_entry entry;
    entry.set_id(id);
    if (is_memfd(facts)) {
        entry.set_type(img::MEMFD);
        img::memfd_file_entry &memfd = *entry.mutable_memfd();
        memfd.set_id(id);
        memfd.set_flags(flags);
        memfd.set_pos(0);
        memfd.set_inode_id(memfds_.add(images_, facts, via));
        set_no_owner(*memfd.mutable_fown());
        return add_entry(std::move(entry));
    }
    if (auto blocker = find_name(facts, options_, via).blocker)
        refuse(*blocker);
    entry.set_type(img::REG);
    std::string build_id;
    if (wants_build_id(facts, options_))
        build_id = build_ids_.of(facts.st, [&] { return build_id_of(fd.get()); });
    fill_reg(*entry.mutable_reg(), id, facts, build_id);
    find_again(*entry.mutable_reg(), facts, via);
    set_no_owner(*entry.mutable_reg()->mutable_fown());
    add_entry(std::move(entry));
}

void Tree::find_again(img::reg_file_entry &reg, const Facts &facts, const std::string &via)
{
    bool may_evade = options_.evasive_devices && is_device(facts);
    if (facts.st.st_nlink && !facts.link.ends_with(" (deleted)") && !may_evade &&
        !is_message_queue(facts, via)) {
        reg.set_name(facts.link);
        return;
    }
    FoundName found = find_name(facts, options_, via);
    reg.set_name(found.name);
    if (auto st = found.how == FoundName::How::Elsewhere ? sys::stat_at(AT_FDCWD, found.name.c_str()) : std::nullopt)
        reg.set_mode(st->st_mode); // another node of a device has a mode of its own
    if (found.how == FoundName::How::Ghost)
        ghosts_.add(images_, reg.id(), facts, via);
    else if (found.how == FoundName::How::Link)
        ghosts_.add_link(reg.id(), temporary_name(facts, via, found.name));
}

uint32_t Tree::temporary_name(const Facts &facts, const std::string &via, const std::string &name)
{
    uint32_t id;
    {
        std::lock_guard lock(mutex_);
        auto [known, is_new] = link_ids_.try_emplace({facts.st.st_dev, facts.st.st_ino});
        if (!is_new)
            return known->second;
        id = known->second = new_id();
    }
    img::file_entry entry;
    entry.set_type(img::REG);
    entry.set_id(id);
    img::reg_file_entry &reg = *entry.mutable_reg();
    fill_reg(reg, id, facts);
    reg.set_flags(0);
    reg.set_pos(0);
    set_no_owner(*reg.mutable_fown());
    if (!put_handle(facts.st, via, *reg.mutable_cr_file()))
        reg.clear_cr_file();
    reg.set_name(links_.make(images_, facts.st, via, existing_directory(name)));
    add_entry(std::move(entry));
    return id;
}

void Tree::add_entry(img::file_entry entry)
{
    std::lock_guard lock(mutex_);
    extra_.push_back(std::move(entry));
}

Fd Tree::take(const Facts &facts) const { return take_copy(pidfd(facts.pid), facts.fd); }

uint32_t Tree::carried_file(int fd) const
{
    auto found = std::find_if(ours_.descriptors.begin(), ours_.descriptors.end(),
                              [&](const Descriptor &d) { return d.fd == fd; });
    return descriptions_[found->description].entry.id();
}

std::vector<Tree::Task *> Tree::all_tasks()
{
    std::vector<Task *> out;
    for (auto &[pid, task] : tasks_)
        out.push_back(&task);
    out.push_back(&ours_);
    return out;
}

image::Writer &Tree::socket_queues()
{
    if (!socket_queues_)
        socket_queues_.emplace(images_, image::Kind::SkQueues);
    return *socket_queues_;
}

void Tree::find_carried()
{
    for (auto &[pid, task] : tasks_)
        for (const Facts &facts : task.facts)
            if (facts.socket_domain == AF_UNIX)
                carried_.look(facts, take(facts).get());
    if (!carried_.blockers().empty()) {
        Subject subject(carried_.blockers().front().subject);
        refuse(carried_.blockers().front());
    }
    if (carried_.found().empty())
        return;
    ours_.pid = ::getpid();
    ours_.pidfd = sys::pidfd_open(ours_.pid);
    ours_.facts = carried_.found();
}

const Description *Tree::find(pid_t pid, int fd) const
{
    auto task = tasks_.find(pid);
    if (task == tasks_.end())
        return nullptr;
    const auto &all = tasks_.at(task->second.table_of).descriptors;
    auto found = std::lower_bound(all.begin(), all.end(), fd, [](auto &d, int n) { return d.fd < n; });
    return found == all.end() || found->fd != fd ? nullptr : &descriptions_[found->description];
}

uint32_t Tree::id_for(const Facts &facts)
{
    auto mapped = S_ISSOCK(facts.st.st_mode) ? mapped_sockets_.find(facts.st.st_ino) : mapped_sockets_.end();
    if (mapped == mapped_sockets_.end())
        return new_id();
    auto what = [&] { return facts.subject(); };
    Subject subject(what);
    if (facts.socket_domain != AF_PACKET)
        refused("it is mapped, and no packet socket", "unmap it before the dump");
    uint32_t id = mapped->second;
    mapped_sockets_.erase(mapped);
    return id;
}

// Facts move into descriptions; what is left of a descriptor is its number, its flag, and an index.
void Tree::identify()
{
    // Smaller tables, too, so that all can be compared with those that have numbers.
    for (Task *task : all_tasks()) {
        if (task->facts.empty() || task->facts.back().fd < 0 || task->facts.back().object)
            continue;
        auto numbers = reader_.numbers(task->pid);
        for (Facts &facts : task->facts)
            facts.object = numbers[facts.fd];
    }
    std::vector<const Facts *> all;
    for (Task *task : all_tasks())
        for (const Facts &facts : task->facts)
            all.push_back(&facts);
    std::vector<uint32_t> first = files::identify(all, compare_descriptions);
    descriptions_.reserve(all.size());

    std::vector<uint32_t> description_of(all.size());
    uint32_t at = 0;
    for (Task *task : all_tasks()) {
        for (Facts &facts : task->facts) {
            int fd = facts.fd;
            bool close_on_exec = facts.info.flags & O_CLOEXEC;
            if (first[at] == at) {
                description_of[at] = static_cast<uint32_t>(descriptions_.size());
                Description &description = descriptions_.emplace_back();
                description.facts = std::move(facts);
                description.entry.set_id(id_for(description.facts));
            } else {
                description_of[at] = description_of[first[at]];
            }
            task->descriptors.push_back({fd, close_on_exec, description_of[at]});
            if (task != &ours_ || first[at] == at)
                descriptions_[description_of[at]].holders.emplace_back(task->pid, fd);
            at++;
        }
        task->facts = {};
    }
    if (!mapped_sockets_.empty())
        refused(cat("socket:[", mapped_sockets_.begin()->first, "] is mapped, and nobody in the tree has it open"),
                "unmap it before the dump");
}

void Tree::capture_descriptions()
{
    std::vector<const Facts *> all;
    for (const Description &description : descriptions_)
        all.push_back(&description.facts);
    std::vector<uint32_t> first = first_alike(all);
    parallel_for(descriptions_.size(), [&](size_t i) {
        Description &description = descriptions_[i];
        auto what = [&] { return description.facts.subject(); };
        Subject subject(what);
        bool external = is_external_file(description.facts, options_);
        description.kind = external ? &kReg : classify(description.facts);
        if (!description.kind)
            description.kind = plugin_kind(options_);
        if (!description.kind)
            refuse(unsupported(description.facts));
        if (first[i] == i && !external)
            if (auto blocker = description.kind->blocker(description.facts, options_))
                refuse(*blocker);
        const Owner &owner = description.facts.owner;
        if (owner.pid && owner.pid_type != F_OWNER_PGRP && !has_task(static_cast<pid_t>(owner.pid)))
            refused(cat("its signals go to pid ", owner.pid, ", which is not in the tree"));
        description.entry.set_type(description.kind->type);
        Capture capture(*this, description);
        description.kind->capture(capture);
    });
}

void Tree::write_files()
{
    image::Writer writer(images_, image::Kind::Files);
    for (const Description &description : descriptions_)
        writer.put(description.entry);
    std::sort(extra_.begin(), extra_.end(), [](auto &a, auto &b) { return a.id() < b.id(); });
    for (const img::file_entry &entry : extra_)
        writer.put(entry);
    writer.finish();
}

void Tree::write_task(const Task &task)
{
    std::optional<image::Writer> table;
    if (task.table_of == task.pid)
        table.emplace(images_, image::Kind::Fdinfo, task.files_id);
    img::fs_entry fs;
    fs.set_umask(task.umask);
    for (const Descriptor &descriptor : task.descriptors) {
        const img::file_entry &file = descriptions_[descriptor.description].entry;
        if (descriptor.fd == kRoot) {
            fs.set_root_id(file.id());
        } else if (descriptor.fd == kCwd) {
            fs.set_cwd_id(file.id());
        } else {
            img::fdinfo_entry entry;
            entry.set_id(file.id());
            entry.set_flags(descriptor.close_on_exec ? FD_CLOEXEC : 0);
            entry.set_type(file.type());
            entry.set_fd(static_cast<uint32_t>(descriptor.fd));
            table->put(entry);
        }
    }
    if (table)
        table->finish();
    image::write_one(images_, image::Kind::Fs, static_cast<uint64_t>(task.vpid), fs);
}

void Tree::capture()
{
    find_carried();
    identify();
    capture_descriptions();
    for (const Kind *kind : kinds())
        if (kind->finish)
            kind->finish(*this);
    if (socket_queues_)
        socket_queues_->finish();
    capture_locks(*this);
}

void Tree::write()
{
    write_files();
    memfds_.write(images_);
    ghosts_.write(images_);
    for (auto &[pid, task] : tasks_)
        write_task(task);
}

} // namespace cr::files
