// Pipes. Any number of descriptions may be of one pipe: its two ends, and more of either, opened through
// /proc. They belong together by the inode, which also becomes the pipe's id in the images; contents are
// pipe_data.h.
//
// A pipe whose other end belongs to a process outside of the tree cannot be joined again by itself. Whether
// somebody outside has it, the kernel tells only indirectly: the tree has only writing ends and poll reports
// no POLLERR, so there is a reader; or only reading ends and no POLLHUP, so there is a writer. Of such a pipe
// the dump warns, unless the caller says (--external pipe:[N]) that the restore will be given the pipe again
// (--inherit-fd): container runtimes give it back without having said so. A restore that is not given it makes
// one whose other end is closed.
//
// On restore the first description of a pipe makes it and all its other descriptions: pipe2 gives one of each
// end, further ones are opened through /proc/self/fd; an end that nobody had is closed once the contents are
// in.
#include "libcr/files/pipe.h"
#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/external.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/pipe_data.h"
#include "libcr/files/plan.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <poll.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

bool claims(const Facts &f) { return S_ISFIFO(f.st.st_mode) && f.link.starts_with("pipe:["); }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

void capture(Capture &c)
{
    auto &pipe = *c.entry().mutable_pipe();
    pipe.set_id(c.id());
    pipe.set_flags(c.flags());
    pipe.set_pipe_id(static_cast<uint32_t>(c.facts().st.st_ino)); // inodes of pipefs have 32 bits
    c.owner(*pipe.mutable_fown());
}

void finish(Tree &tree)
{
    std::map<uint32_t, Ends> pipes;
    for (const Description &description : tree.descriptions())
        if (description.kind == &kPipe)
            pipes[description.entry.pipe().pipe_id()].push_back(&description);
    write_pipe_data(tree, image::Kind::PipesData, pipes);
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.pipe().flags(), &entry.pipe().fown()};
}

void check(const img::file_entry &entry, const Plan &)
{
    if (!entry.has_pipe())
        bad_image("a pipe without its part");
    if ((entry.pipe().flags() & O_ACCMODE) == O_ACCMODE)
        bad_image(cat("pipe ", entry.pipe().pipe_id(), " has open flags ", entry.pipe().flags()));
}

Fd reopen(const Fd &fd, uint32_t flags)
{
    return sys::reopen(fd.get(), static_cast<int>(flags & (O_ACCMODE | O_NONBLOCK)));
}

// All descriptions of a pipe, given something to open them through for reading and for writing.
void place_all(const std::vector<const img::file_entry *> &group, Opener &opener, Fd ends[2])
{
    // The first one of either end is that end itself, handed over when it is not needed any more.
    const img::file_entry *handed[2] = {};
    for (const img::file_entry *each : group) {
        uint32_t flags = each->pipe().flags(), mode = flags & O_ACCMODE;
        if (mode != O_RDWR && !handed[mode])
            handed[mode] = each;
        else
            opener.place(*each, reopen(ends[mode == O_WRONLY], flags));
    }
    for (int end : {0, 1})
        if (handed[end])
            opener.place(*handed[end], std::move(ends[end]));
}

void open(const img::file_entry &entry, Opener &opener)
{
    if (opener.is_made(entry))
        return;
    uint32_t pipe_id = entry.pipe().pipe_id();
    auto &group = opener.plan.pipe_group(pipe_id);
    std::string key = cat("pipe:[", pipe_id, "]");
    if (opener.plan.inherits(key)) {
        for (const img::file_entry *each : group)
            opener.place(*each, opener.plan.inherit(key, each->pipe().flags()));
        return;
    }
    int fds[2];
    sys::check(sys::call(SYS_pipe2, fds, O_CLOEXEC), "make a pipe");
    Fd ends[2] = {Fd(fds[0]), Fd(fds[1])};
    const PipeContents &contents = opener.plan.pipe_contents();
    if (auto content = contents.find(pipe_id); content != contents.end())
        fill_pipe(fds[1], content->second, opener.plan.images(), image::Kind::PipesData);
    // Most pipes are two ends side by side, which are where they shall be.
    if (group.size() != 2 || opener.plan.number(*group[0]) != fds[0] ||
        opener.plan.number(*group[1]) != fds[1] || (group[0]->pipe().flags() & O_ACCMODE) != O_RDONLY ||
        (group[1]->pipe().flags() & O_ACCMODE) != O_WRONLY)
        for (Fd &end : ends)
            end = opener.aside(end.get());
    place_all(group, opener, ends);
}

} // namespace

const Kind kPipe = {
    .name = "pipe",
    .type = img::PIPE,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = finish,
    .common = common,
    .check = check,
    .open = open,
    .kept = "contents, packets, size, all its ends",
};

void PipeEnds::add(const Facts &facts)
{
    if (!modes)
        first = facts;
    modes |= 1u << (facts.open_flags() & O_ACCMODE);
}

bool other_end_outside(const PipeEnds &ends, int pidfd, const DumpOptions &options)
{
    if (ends.modes != 1u << O_RDONLY && ends.modes != 1u << O_WRONLY)
        return false;
    if (is_external(ends.first.link, options))
        return false;
    Fd copy = take_copy(pidfd, ends.first.fd);
    pollfd poll{copy.get(), 0, 0};
    sys::check(sys::call(SYS_poll, &poll, 1, 0), "ask whether the pipe has another end");
    return !(poll.revents & (POLLERR | POLLHUP));
}

} // namespace cr::files
