// fanotify: marks on files, mounts and file systems, of which fdinfo has one line each:
//
//   fanotify flags:10 event-flags:8000
//   fanotify ino:9e7e sdev:800013 mflags:40 mask:38 ignored_mask:40000003 fhandle-bytes:8 fhandle-type:1 f_handle:...
//   fanotify mnt_id:12 mflags:40 mask:38 ignored_mask:0
//   fanotify sdev:800013 mflags:0 mask:38 ignored_mask:0
//
// How a file is found again: watched.h. A mount and a file system are found by a place where they are mounted.
//
// Marks are set when all tasks exist, as late as can be: what the restore itself does to files should be no event.
// Events that the program has not read yet hold descriptors of others' files: a group with such is refused, and
// so is one that decides about accesses (permission events), since it would have to decide about ours while it
// stands still. Whether a group was made without privileges is not told: it comes back as one of its restorer's.
//
// Image: as CRIU's; a mark on a file system (which CRIU refuses) has a type of our own, and path as one on a mount.
#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/tree.h"
#include "libcr/files/watched.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <climits>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr uint32_t kNotGroup = 0x80000000; // what the kernel adds
constexpr uint64_t kDecisions = FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM | 0x00100000;
constexpr uint64_t kNotEvents = FAN_Q_OVERFLOW | 0x2000; // told by the kernel of itself
// Of newer kernels.
constexpr uint32_t kIgnore = 0x400, kEvictable = 0x200;

bool claims(const Facts &f) { return f.is_anon("fanotify"); }

std::optional<Blocker> blocker(const Facts &f, const DumpOptions &)
{
    Facts facts = f;
    TaskFiles task(f.pid);
    task.load_info(facts);
    for (const char *key : {"fanotify ino", "fanotify mnt_id", "fanotify sdev"})
        for (std::string_view line : facts.info.fields(key))
            for (std::string_view word = take_word(line); !word.empty(); word = take_word(line))
                if (take_until(word, ':') == "mask" && parse_int<uint64_t>(word, 16).value_or(0) & kDecisions)
                    return blocker_of(f, "it decides about accesses to files (fanotify permission events), also ours",
                                      "let the program remove these marks before the dump");
    if (!facts.info.fields("fanotify mnt_ns").empty())
        return blocker_of(f, "it watches the mounts of a namespace (fanotify), which is not supported yet",
                          "close it before the dump");
    return std::nullopt;
}

std::optional<Blocker> look(const Facts &f, int fd)
{
    int bytes = 0;
    if (sys::try_ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0)
        return blocker_of(f, "its program has not read all events of this fanotify group, and they cannot be kept",
                          "let it read them, then dump again");
    return std::nullopt;
}

img::fanotify_mark_entry parse_mark(std::string_view line, uint32_t id)
{
    img::fanotify_mark_entry mark;
    mark.set_id(id);
    mark.set_s_dev(0);
    bool mflags = false, mask = false, ignored = false;
    for (std::string_view rest = line, word = take_word(rest); !word.empty(); word = take_word(rest)) {
        std::string_view key = take_until(word, ':');
        auto number = parse_int<uint64_t>(word, 16);
        if (!number)
            continue;
        auto value = static_cast<uint32_t>(*number);
        if (key == "ino") {
            mark.set_type(img::INODE);
            mark.mutable_ie()->set_i_ino(*number);
            parse_handle(line, *mark.mutable_ie()->mutable_f_handle());
        } else if (key == "mnt_id") {
            mark.set_type(img::MOUNT);
            mark.mutable_me()->set_mnt_id(value);
        } else if (key == "sdev") {
            mark.set_s_dev(value);
        } else if (key == "mflags") {
            mark.set_mflags(value);
            mflags = true;
        } else if (key == "mask") {
            mark.set_mask(value);
            mask = true;
        } else if (key == "ignored_mask") {
            mark.set_ignored_mask(value);
            ignored = true;
        }
    }
    if (!mflags || !mask || !ignored)
        failed_with(0, cat("understand fdinfo: \"fanotify ", printable(line), "\""));
    if (!mark.has_type()) {
        mark.set_type(img::CR_FILESYSTEM);
        mark.mutable_me()->set_mnt_id(0);
    }
    return mark;
}

void capture(Capture &c)
{
    img::fanotify_file_entry &ffy = *c.entry().mutable_ffy();
    const proc::FdInfo &info = c.facts().info;
    ffy.set_id(c.id());
    ffy.set_flags(c.flags());
    auto group = info.field("fanotify flags");
    std::string_view rest = group.value_or("");
    auto flags = parse_int<uint32_t>(take_word(rest), 16);
    std::string_view event = take_word(rest);
    bool told = take_until(event, ':') == "event-flags";
    auto event_flags = parse_int<uint32_t>(event, 16);
    if (!flags || !told || !event_flags)
        failed_with(0, cat("understand fdinfo: \"fanotify flags:", printable(group.value_or("")), "\""));
    ffy.set_faflags(*flags);
    ffy.set_evflags(*event_flags);
    // A key ends at the first colon.
    for (const char *key : {"ino", "mnt_id", "sdev"})
        for (std::string_view line : info.fields(cat("fanotify ", key)))
            *ffy.add_mark() = parse_mark(cat(key, ":", line), c.id());
    c.owner(*ffy.mutable_fown());
}

void finish(Tree &tree)
{
    std::optional<WatchedFiles> files;
    for (Description &description : tree.descriptions()) {
        if (description.kind != &kFanotify)
            continue;
        if (!files)
            files.emplace(tree);
        auto what = [&] { return description.facts.subject(); };
        Subject subject(what);
        for (img::fanotify_mark_entry &mark : *description.entry.mutable_ffy()->mutable_mark()) {
            if (mark.has_me()) {
                put_mount(mark.type() == img::MOUNT ? std::optional(mark.me().mnt_id()) : std::nullopt, mark.s_dev(),
                          *mark.mutable_me());
                continue;
            }
            WatchedInode inode{mark.s_dev(), mark.ie().i_ino(), mark.ie().f_handle()};
            if (const Description *target = files->find(inode)) {
                mark.mutable_ie()->set_cr_target_type(static_cast<uint32_t>(target->entry.type()));
                mark.mutable_ie()->set_cr_target_id(target->entry.id());
            }
            *mark.mutable_ie()->mutable_f_handle() = std::move(inode.handle);
        }
    }
}

Common common(const img::file_entry &entry, const Plan &) { return {entry.ffy().flags(), &entry.ffy().fown()}; }

const img::file_entry *target_of(const img::fanotify_mark_entry &mark, const Plan &plan)
{
    if (!mark.ie().has_cr_target_id())
        return nullptr;
    const img::file_entry &target =
        plan.get(static_cast<img::fd_types>(mark.ie().cr_target_type()), mark.ie().cr_target_id());
    if (plan.number(target) < 0)
        bad_image(cat("a mark is on the file ", target.id(), ", which is not opened"));
    return &target;
}

void check(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_ffy())
        bad_image("a fanotify group without its part");
    for (const img::fanotify_mark_entry &mark : entry.ffy().mark()) {
        if ((mark.type() == img::INODE) != mark.has_ie() || mark.has_ie() == mark.has_me())
            bad_image("a fanotify mark without its part");
        if (mark.mask() & kDecisions)
            refused("it decides about accesses to files (fanotify permission events)");
        if (mark.has_me()) {
            const std::string &path = mark.me().path();
            if (!mark.me().has_path())
                refused(cat("the images do not tell where the mount ", mark.me().mnt_id(), " was, which it watches"));
            if (!path.starts_with('/') || path.size() >= PATH_MAX || path.find('\0') != std::string::npos)
                bad_image(cat("\"", printable(path.substr(0, 200)), "\" is no absolute name of a mount"));
            if (!sys::is_mount_point(path))
                refused(cat("nothing is mounted at ", printable(path), ", where it watches a mount or a file system"),
                        "mount it first");
            continue;
        }
        check_handle(mark.ie().f_handle());
        target_of(mark, plan);
    }
}

void open(const img::file_entry &entry, Opener &opener)
{
    const img::fanotify_file_entry &ffy = entry.ffy();
    // The kernel shows how the group was made for ever, so FAN_CLOEXEC only if it was made with it.
    long made = sys::call(SYS_fanotify_init, ffy.faflags() & ~kNotGroup, ffy.evflags());
    opener.place(entry, Fd(static_cast<int>(sys::check(made, "make a fanotify group"))));
}

void add(int group, const img::fanotify_mark_entry &mark, const Opener &opener)
{
    std::optional<WatchedName> file;
    if (mark.has_ie())
        file.emplace(WatchedInode{mark.s_dev(), mark.ie().i_ino(), mark.ie().f_handle()},
                     target_of(mark, opener.plan), opener);
    const char *path = file ? file->path() : mark.me().path().c_str();
    uint32_t how = FAN_MARK_ADD | (mark.mflags() & kEvictable);
    if (mark.type() == img::MOUNT)
        how |= FAN_MARK_MOUNT;
    else if (!file)
        how |= FAN_MARK_FILESYSTEM;
    else if (file->is_own())
        how |= FAN_MARK_DONT_FOLLOW;
    auto set = [&](uint32_t flags, uint64_t events) {
        if (events)
            sys::check(sys::call(SYS_fanotify_mark, group, how | flags, events, AT_FDCWD, path),
                       [&] { return cat("mark ", printable(path), " (fanotify)"); });
    };
    set(0, mark.mask() & ~kNotEvents);
    uint32_t survives = mark.mflags() & FAN_MARK_IGNORED_SURV_MODIFY;
    // What the older flag does not know the kernel has put in.
    if (mark.mflags() & kIgnore)
        set(kIgnore | survives, mark.ignored_mask() & ~kNotEvents);
    else
        set(FAN_MARK_IGNORED_MASK | survives,
            mark.ignored_mask() & ~(kNotEvents | FAN_ONDIR | FAN_EVENT_ON_CHILD));
}

void after_tasks(const img::file_entry &entry, Opener &opener)
{
    // The kernel shows the newest mark first.
    const auto &marks = entry.ffy().mark();
    for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark)
        add(opener.plan.number(entry), *mark, opener);
}

} // namespace

const Kind kFanotify = {
    .name = "fanotify",
    .type = img::FANOTIFY,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = finish,
    .common = common,
    .check = check,
    .open = open,
    .after_tasks = after_tasks,
    .look = look,
    .kept = "marks on files, mounts and file systems, with their flags",
    .lost = [] { return std::string("nothing: events that were not read, and permission events, are refused"); },
};

} // namespace cr::files
