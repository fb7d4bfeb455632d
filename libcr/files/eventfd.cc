// eventfd: a counter, told by fdinfo. Whether a read takes one (EFD_SEMAPHORE) or all, fdinfo tells since
// Linux 6.6; before that nothing does but a read, which would take something, so there it is not kept.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/tree.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <sys/eventfd.h>
#include <sys/syscall.h>

namespace cr::files
{

namespace
{

bool claims(const Facts &f) { return f.is_anon("eventfd"); }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

void capture(Capture &c)
{
    const proc::FdInfo &info = c.facts().info;
    img::eventfd_file_entry &efd = *c.entry().mutable_efd();
    efd.set_id(c.id());
    efd.set_flags(c.flags());
    efd.set_counter(info.number("eventfd-count", 16));
    if (auto semaphore = info.field("eventfd-semaphore"); semaphore && *semaphore != "0")
        efd.set_cr_semaphore(true);
    c.owner(*efd.mutable_fown());
}

Common common(const img::file_entry &entry, const Plan &)
{
    return {entry.efd().flags(), &entry.efd().fown()};
}

void check(const img::file_entry &entry, const Plan &)
{
    if (!entry.has_efd() || entry.efd().counter() == UINT64_MAX)
        bad_image("an eventfd without a possible counter");
}

void open(const img::file_entry &entry, Opener &opener)
{
    uint64_t counter = entry.efd().counter();
    int flags = EFD_CLOEXEC | (entry.efd().cr_semaphore() ? EFD_SEMAPHORE : 0);
    bool fits = counter <= UINT32_MAX;
    long made = sys::call(SYS_eventfd2, fits ? counter : 0, flags);
    Fd fd(static_cast<int>(sys::check(made, "make an eventfd")));
    if (!fits)
        sys::write_all(fd.get(), &counter, sizeof counter, "an eventfd's counter");
    opener.place(entry, std::move(fd));
}

// Asked of one of our own.
std::string is_semaphore_lost()
{
    Fd fd(static_cast<int>(sys::call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_SEMAPHORE)));
    std::string text(1024, '\0'), name = cat("/proc/self/fdinfo/", fd.get());
    Fd info = sys::open_at(AT_FDCWD, name.c_str(), O_RDONLY);
    text.resize(sys::read_up_to(info.get(), text.data(), text.size(), name));
    return text.find("eventfd-semaphore:") == std::string::npos ? "that it counts (EFD_SEMAPHORE)" : "";
}

} // namespace

const Kind kEventfd = {
    .name = "eventfd",
    .type = img::EVENTFD,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .common = common,
    .check = check,
    .open = open,
    .kept = "counter, flags",
    .lost = is_semaphore_lost,
};

} // namespace cr::files
