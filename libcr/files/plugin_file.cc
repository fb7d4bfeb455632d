// What no kind knows but a plugin does (a character device, mostly): the plugin is given the descriptor and the id of
// its entry, keeps what it needs in images of its own, and makes another one on a restore. The entry says only that,
// and who gets its signals.
#include "libcr/base/error.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/tree.h"
#include "libcr/files/unsupported.h"
#include "libcr/plugin/plugins.h"
#include "libcr/sys/descriptor.h"

#include <fcntl.h>

namespace cr::files
{

namespace
{

// Not by facts: it is what is left over.
bool claims(const Facts &) { return false; }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

void capture(Capture &c)
{
    img::ext_file_entry &ext = *c.entry().mutable_ext();
    ext.set_id(c.id());
    c.owner(*ext.mutable_fown());
    Fd fd = c.tree.take(c.facts());
    if (c.tree.options().plugins->run(plugin::Hook::DumpFile, static_cast<int>(c.id()), fd.get()).not_theirs()) {
        Blocker blocker = unsupported(c.facts());
        refused(blocker.reason, blocker.remedy);
    }
}

Common common(const img::file_entry &entry, const Plan &) { return {0, &entry.ext().fown()}; }

void check(const img::file_entry &entry, const Plan &)
{
    if (!entry.has_ext())
        bad_image("a file of a plugin without its part");
    if (entry.id() > INT32_MAX)
        bad_image("a file of a plugin with an id that no plugin can be told");
}

void open(const img::file_entry &entry, Opener &opener)
{
    open_by_plugin(entry, opener, plugin::Hook::RestoreFile);
}

// One that wanted to be asked again when others are open.
void arm(const img::file_entry &entry, Opener &opener)
{
    if (opener.is_made(entry))
        return;
    open(entry, opener);
    if (!opener.is_made(entry))
        failed_with(0, "open it: the plugin wants to be asked again though all else is open");
}

} // namespace

const Kind kPluginFile = {
    .name = "file of a plugin",
    .type = img::EXT,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .common = common,
    .check = check,
    .open = open,
    .arm = arm,
    .kept = "what the plugin keeps",
};

void open_by_plugin(const img::file_entry &entry, Opener &opener, plugin::Hook hook)
{
    plugin::Plugins *plugins = opener.plan.options().plugins;
    constexpr const char *kRemedy = "give the directory with the plugin of the dump by --libdir";
    if (!plugins || !plugins->has(hook))
        refused("it can be opened by a plugin only", kRemedy);
    plugin::Answer answer = plugins->run(hook, static_cast<int>(entry.id()));
    if (answer.not_theirs())
        refused("it can be opened by a plugin only, and none of those that are there knows it", kRemedy);
    if (answer.b)
        return;
    if (!answer.fd)
        failed_with(0, "open it: the plugin has given no descriptor");
    opener.place_as_it_is(entry, std::move(answer.fd));
}

const Kind *plugin_kind(const DumpOptions &options)
{
    return options.plugins && options.plugins->has(plugin::Hook::DumpFile) ? &kPluginFile : nullptr;
}

} // namespace cr::files
