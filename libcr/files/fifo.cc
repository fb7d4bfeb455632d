// FIFOs: a name like a file, contents like a pipe. Descriptions of one FIFO belong together by device and
// inode and share its contents.
//
// Opening one waits for its other end, which on restore may never come or already have been: it is first
// opened for both, which never waits, then the descriptions are opened, the contents written, and the first
// opening closed. When somebody else had the FIFO open all the time, it still holds what was in it at the
// dump: then nothing is written.
//
// Image: the entry of type FIFO names a regular-file entry, which has name, flags and owner.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/external.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/pipe_data.h"
#include "libcr/files/plan.h"
#include "libcr/files/reg.h"
#include "libcr/files/tree.h"
#include "libcr/files/unnamed.h"
#include "libcr/sys/descriptor.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <set>
#include <sys/ioctl.h>

namespace cr::files
{

namespace
{

bool claims(const Facts &f)
{
    return S_ISFIFO(f.st.st_mode) && f.link.starts_with('/') && !f.is_path_only();
}

std::optional<Blocker> blocker(const Facts &f, const DumpOptions &options)
{
    return name_blocker(f, options);
}

void capture(Capture &c)
{
    img::file_entry name;
    name.set_type(img::REG);
    name.set_id(c.tree.new_id());
    fill_reg(*name.mutable_reg(), name.id(), c.facts());
    c.tree.find_again(*name.mutable_reg(), c.facts(), via_of(c.facts()));
    c.owner(*name.mutable_reg()->mutable_fown());
    img::fifo_entry &fifo = *c.entry().mutable_fifo();
    fifo.set_id(c.id());
    fifo.set_regf_id(name.id());
    fifo.set_pipe_id(0); // finish() knows which are used
    c.tree.add_entry(std::move(name));
}

void finish(Tree &tree)
{
    std::map<std::pair<dev_t, ino_t>, uint32_t> ids;
    std::set<uint32_t> used;
    std::map<uint32_t, Ends> fifos;
    for (Description &description : tree.descriptions()) {
        if (description.kind != &kFifo)
            continue;
        const struct stat &st = description.facts.st;
        auto [id, is_new] = ids.try_emplace({st.st_dev, st.st_ino}, static_cast<uint32_t>(st.st_ino));
        while (is_new && !used.insert(id->second).second)
            id->second++;
        description.entry.mutable_fifo()->set_pipe_id(id->second);
        fifos[id->second].push_back(&description);
    }
    write_pipe_data(tree, image::Kind::FifoData, fifos);
}

const img::reg_file_entry &name_of(const img::file_entry &entry, const Plan &plan)
{
    uint32_t id = entry.fifo().has_regf_id() ? entry.fifo().regf_id() : entry.id();
    return plan.get(img::REG, id).reg();
}

Common common(const img::file_entry &entry, const Plan &plan)
{
    const img::reg_file_entry &name = name_of(entry, plan);
    return {name.flags(), &name.fown()};
}

void check(const img::file_entry &entry, const Plan &plan)
{
    if (!entry.has_fifo())
        bad_image("a FIFO without its part");
    const img::reg_file_entry &name = name_of(entry, plan);
    check_reg(name);
    if ((name.flags() & O_ACCMODE) == O_ACCMODE || name.flags() & O_PATH)
        bad_image(cat("FIFO ", printable(name.name()), " has open flags ", name.flags()));
    const img::file_entry &first = *plan.fifo_group(entry.fifo().pipe_id()).front();
    if (first.has_fifo() && name_of(first, plan).name() != name.name())
        bad_image(cat("two names for FIFO ", entry.fifo().pipe_id()));
}

Fd open_name(const img::reg_file_entry &name, uint32_t flags)
{
    Fd fd =
        sys::open_at(AT_FDCWD, name.name().c_str(), static_cast<int>(flags & ~(O_CREAT | O_EXCL | O_TRUNC)));
    if (!S_ISFIFO(sys::stat_of(fd.get(), name.name()).st_mode))
        refused(cat(printable(name.name()), " was replaced while it was being opened"));
    return fd;
}

void check_name(const img::reg_file_entry &name, const Plan &plan)
{
    auto st = sys::stat_at(AT_FDCWD, name.name().c_str());
    if (!st || !S_ISFIFO(st->st_mode))
        refused(cat(printable(name.name()), " is no FIFO any more"), "make it again (mkfifo)");
    if (plan.options().check_mode && name.has_mode() && name.mode() != st->st_mode)
        refused(cat("the mode of ", printable(name.name()), " is not that of the dump"),
                "change it back, or use --skip-file-rwx-check");
}

void find(const img::file_entry &entry, const Plan &plan)
{
    const img::reg_file_entry &name = name_of(entry, plan);
    if (!plan.inherits(external_key(name.name())) && !plan.ghosts().has(name.id()))
        check_name(name, plan);
}

void open(const img::file_entry &entry, Opener &opener)
{
    if (opener.is_made(entry))
        return;
    const Plan &plan = opener.plan;
    const img::reg_file_entry &name = name_of(entry, plan);
    if (std::string key = external_key(name.name()); plan.inherits(key)) {
        for (const img::file_entry *each : plan.fifo_group(entry.fifo().pipe_id()))
            opener.place(*each, plan.inherit(key, name_of(*each, plan).flags()));
        return;
    }
    bool ghost = plan.ghosts().has(name.id());
    if (!ghost)
        check_name(name, plan);
    auto open_it = [&](uint32_t flags) {
        return ghost ? opener.open_unnamed(name, flags) : open_name(name, flags);
    };
    Fd both = opener.aside(open_it(O_RDWR | O_NONBLOCK).get());
    for (const img::file_entry *each : plan.fifo_group(entry.fifo().pipe_id()))
        opener.place(*each, open_it(name_of(*each, plan).flags()));
    int bytes = 0;
    sys::check(sys::try_ioctl(both.get(), FIONREAD, &bytes), "ask how much is in the FIFO");
    auto content = plan.fifo_contents().find(entry.fifo().pipe_id());
    if (!bytes && content != plan.fifo_contents().end())
        fill_pipe(both.get(), content->second, plan.images(), image::Kind::FifoData);
}

} // namespace

const Kind kFifo = {
    .name = "FIFO",
    .type = img::FIFO,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = finish,
    .common = common,
    .check = check,
    .open = open,
    .find = find,
    .kept = "name, contents, all its ends",
};

} // namespace cr::files
