// inotify: watches on inodes, of which fdinfo has one line each:
//
//   inotify wd:2 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1
//   f_handle:7e9e...
//
// How the file is found again: watched.h. The watch must get its number (wd) again, by which the program
// knows it: the kernel is told the next one (INOTIFY_IOC_SETNEXTWD).
//
// Watches are added when all tasks exist and have fetched their files, so that what the restore does to
// watched files is no event. Not kept: events that were not read yet; there is no way to look at them without
// taking them, or to put any in. A dump warns of them. And the number that a new watch will get, when the
// ones before it were removed: fdinfo does not tell it.
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
#include "libcr/sys/gate.h"

#include <algorithm>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

constexpr unsigned long kSetNextWd = 0x40044900; // INOTIFY_IOC_SETNEXTWD
constexpr uint32_t kUserMask = IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK;

bool claims(const Facts &f) { return f.is_anon("inotify"); }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

// "wd:2 ino:9e7e ..."
img::inotify_wd_entry parse_watch(std::string_view line)
{
    img::inotify_wd_entry watch;
    watch.set_ignored_mask(0);
    parse_handle(line, *watch.mutable_f_handle());
    bool wd = false, ino = false, sdev = false, mask = false;
    for (std::string_view rest = line, word = take_word(rest); !word.empty(); word = take_word(rest)) {
        std::string_view key = take_until(word, ':');
        auto number = parse_int<uint64_t>(word, 16);
        if (!number)
            continue;
        if (key == "wd") {
            watch.set_wd(static_cast<uint32_t>(parse_int<uint32_t>(word, 16).value_or(0)));
            wd = true;
        } else if (key == "ino") {
            watch.set_i_ino(*number);
            ino = true;
        } else if (key == "sdev") {
            watch.set_s_dev(static_cast<uint32_t>(*number));
            sdev = true;
        } else if (key == "mask") {
            watch.set_mask(static_cast<uint32_t>(*number));
            mask = true;
        } else if (key == "ignored_mask") {
            watch.set_ignored_mask(static_cast<uint32_t>(*number));
        }
    }
    if (!wd || !ino || !sdev || !mask)
        failed_with(0, cat("understand fdinfo: \"inotify ", printable(line), "\""));
    return watch;
}

void capture(Capture &c)
{
    img::inotify_file_entry &ify = *c.entry().mutable_ify();
    ify.set_id(c.id());
    ify.set_flags(c.flags());
    // The key is "inotify wd", since it ends at the first colon.
    for (std::string_view line : c.facts().info.fields("inotify wd"))
        *ify.add_wd() = parse_watch(cat("wd:", line));
    for (img::inotify_wd_entry &watch : *ify.mutable_wd())
        watch.set_id(c.id());
    std::sort(ify.mutable_wd()->begin(), ify.mutable_wd()->end(),
              [](auto &a, auto &b) { return a.wd() < b.wd(); });
    c.owner(*ify.mutable_fown());
    int bytes = 0;
    Fd copy = c.tree.take(c.facts());
    if (sys::try_ioctl(copy.get(), FIONREAD, &bytes) == 0 && bytes > 0)
        log::warning(c.facts().subject(), ": ", bytes, " bytes of events that it has not read are not kept");
}

void finish(Tree &tree)
{
    std::optional<WatchedFiles> files;
    for (Description &description : tree.descriptions()) {
        if (description.kind != &kInotify)
            continue;
        if (!files)
            files.emplace(tree);
        auto what = [&] { return description.facts.subject(); };
        Subject subject(what);
        for (img::inotify_wd_entry &watch : *description.entry.mutable_ify()->mutable_wd()) {
            WatchedInode inode{watch.s_dev(), watch.i_ino(), watch.f_handle()};
            if (const Description *target = files->find(inode)) {
                watch.set_cr_target_type(static_cast<uint32_t>(target->entry.type()));
                watch.set_cr_target_id(target->entry.id());
            }
            *watch.mutable_f_handle() = std::move(inode.handle);
        }
    }
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.ify().flags(), &entry.ify().fown()};
}

const img::file_entry *target_of(const img::inotify_wd_entry &watch, const Plan &plan)
{
    if (!watch.has_cr_target_id())
        return nullptr;
    const img::file_entry &target =
        plan.get(static_cast<img::fd_types>(watch.cr_target_type()), watch.cr_target_id());
    if (plan.number(target) < 0)
        bad_image(cat("watch ", watch.wd(), " is on a file that is only a name"));
    return &target;
}

void check(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_ify())
        bad_image("an inotify without its part");
    std::set<uint32_t> numbers;
    for (const img::inotify_wd_entry &watch : entry.ify().wd()) {
        if (watch.wd() == 0 || watch.wd() > INT32_MAX || !numbers.insert(watch.wd()).second)
            bad_image(cat("the watch ", watch.wd(), " of an inotify"));
        if (!(watch.mask() & IN_ALL_EVENTS))
            bad_image(cat("watch ", watch.wd(), " is for no events"));
        check_handle(watch.f_handle());
        target_of(watch, plan);
    }
}

void open(const img::file_entry &entry, Opener &opener)
{
    long made = sys::call(SYS_inotify_init1, IN_CLOEXEC);
    opener.place(entry, Fd(static_cast<int>(sys::check(made, "make an inotify instance"))));
}

void add(int inotify, const img::inotify_wd_entry &watch, int &next, const Opener &opener)
{
    WatchedName name({watch.s_dev(), watch.i_ino(), watch.f_handle()}, target_of(watch, opener.plan), opener);
    int wd = static_cast<int>(watch.wd());
    if (wd != next)
        sys::check(sys::call(SYS_ioctl, inotify, kSetNextWd, wd),
                   [&] { return cat("let the next watch be number ", wd); });
    uint32_t mask = (watch.mask() & kUserMask) | (name.is_own() ? IN_DONT_FOLLOW : 0);
    long got = sys::check(sys::call(SYS_inotify_add_watch, inotify, name.path(), mask),
                          [&] { return cat("watch ", printable(name.path())); });
    if (got != wd)
        failed_with(0, cat("watch ", printable(name.path()), " as number ", wd, ": it became ", got),
                    "another watch is on the same file: were two files made one since the dump?");
    next = wd + 1;
}

void after_tasks(const img::file_entry &entry, Opener &opener)
{
    std::vector<const img::inotify_wd_entry *> watches;
    for (const img::inotify_wd_entry &watch : entry.ify().wd())
        watches.push_back(&watch);
    std::sort(watches.begin(), watches.end(), [](auto *a, auto *b) { return a->wd() < b->wd(); });
    int next = 1;
    for (const img::inotify_wd_entry *watch : watches)
        add(opener.plan.number(entry), *watch, next, opener);
}

} // namespace

const Kind kInotify = {
    .name = "inotify",
    .type = img::INOTIFY,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = finish,
    .common = common,
    .check = check,
    .open = open,
    .after_tasks = after_tasks,
    .kept = "watches and their numbers",
    .lost = [] { return std::string("events that were not read yet"); },
};

} // namespace cr::files
