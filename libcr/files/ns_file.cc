// Descriptors of namespaces (/proc/PID/ns/NAME, or a bind mount of one). The tasks of a tree are in our own namespaces,
// so a descriptor of one of these is opened again by the restore's own /proc/self/ns. One of another namespace is refused.
//
// Image: ns_file_entry, which names the namespace by its id in ids-PID and its flag of clone(2); CRIU knows no owner of
// signals for them, and they send none.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/tree.h"
#include "libcr/image/namespace_ids.h"
#include "libcr/sys/file.h"

#include <algorithm>

namespace cr::files
{

namespace
{

const image::NamespaceKind *kind_named(std::string_view name)
{
    auto is_it = [&](const image::NamespaceKind &kind) { return kind.name == name; };
    auto found = std::find_if(std::begin(image::kNamespaces), std::end(image::kNamespaces), is_it);
    return found == std::end(image::kNamespaces) ? nullptr : found;
}

// Of "net:[4026531833]".
const image::NamespaceKind *kind_in(std::string_view link)
{
    std::string_view rest = link, name = take_until(rest, ':');
    return rest.starts_with('[') && rest.ends_with(']') ? kind_named(name) : nullptr;
}

const image::NamespaceKind *kind_of_flag(uint32_t flag)
{
    auto is_it = [&](const image::NamespaceKind &kind) { return kind.flag == flag; };
    auto found = std::find_if(std::begin(image::kNamespaces), std::end(image::kNamespaces), is_it);
    return found == std::end(image::kNamespaces) ? nullptr : found;
}

std::string own_name(const image::NamespaceKind &kind) { return cat("/proc/self/ns/", kind.name); }

bool claims(const Facts &f) { return kind_in(f.link) != nullptr; }

std::optional<Blocker> blocker(const Facts &facts, const DumpOptions &)
{
    if (sys::readlink_at(AT_FDCWD, own_name(*kind_in(facts.link)).c_str()) == facts.link)
        return std::nullopt;
    return blocker_of(facts, "it is of a namespace that the tree is not in", "close it before the dump");
}

void capture(Capture &c)
{
    const image::NamespaceKind &kind = *kind_in(c.facts().link);
    img::ns_file_entry &entry = *c.entry().mutable_nsf();
    entry.set_id(c.id());
    entry.set_ns_id(kind.id);
    entry.set_ns_cflag(kind.flag);
    entry.set_flags(c.flags());
}

Common common(const img::file_entry &entry, const Plan &) { return {entry.nsf().flags(), nullptr}; }

void check(const img::file_entry &entry, const Plan &)
{
    if (!entry.has_nsf() || !kind_of_flag(entry.nsf().ns_cflag()))
        bad_image("a namespace without a possible part");
}

void open(const img::file_entry &entry, Opener &opener)
{
    std::string name = own_name(*kind_of_flag(entry.nsf().ns_cflag()));
    opener.place(entry, sys::open_at(AT_FDCWD, name.c_str(), O_RDONLY | static_cast<int>(entry.nsf().flags() & O_PATH)));
}

} // namespace

const Kind kNsFile = {
    .name = "namespace",
    .type = img::NS,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .common = common,
    .check = check,
    .open = open,
    .kept = "those that the tree is in",
};

} // namespace cr::files
