// signalfd: a set of signals, told by fdinfo. What it delivers are the reader's own pending signals.
#include "libcr/base/error.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/tree.h"
#include "libcr/sys/gate.h"

#include <sys/signalfd.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

bool claims(const Facts &f) { return f.is_anon("signalfd"); }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

void capture(Capture &c)
{
    img::signalfd_entry &sgfd = *c.entry().mutable_sgfd();
    sgfd.set_id(c.id());
    sgfd.set_flags(c.flags());
    sgfd.set_sigmask(c.facts().info.number("sigmask", 16));
    c.owner(*sgfd.mutable_fown());
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.sgfd().flags(), &entry.sgfd().fown()};
}

void check(const img::file_entry &entry, const Plan &)
{
    if (!entry.has_sgfd())
        bad_image("a signalfd without its part");
}

void open(const img::file_entry &entry, Opener &opener)
{
    uint64_t mask = entry.sgfd().sigmask();
    long made = sys::call(SYS_signalfd4, -1, &mask, sizeof mask, SFD_CLOEXEC);
    opener.place(entry, Fd(static_cast<int>(sys::check(made, "make a signalfd"))));
}

} // namespace

const Kind kSignalfd = {
    .name = "signalfd",
    .type = img::SIGNALFD,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .common = common,
    .check = check,
    .open = open,
    .kept = "its signals",
};

} // namespace cr::files
