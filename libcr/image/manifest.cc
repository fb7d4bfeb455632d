#include "libcr/image/manifest.h"

#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"

#include <map>

namespace cr::image
{

namespace
{

struct Images {
    uint32_t files = 0;
    uint64_t bytes = 0;
};

bool may_be_cut(Kind kind) { return entry(kind).records == Records::Array; }

std::map<Kind, Images> images_of(const Dir &dir)
{
    std::map<Kind, Images> out;
    for (const Dir::File &file : dir.files()) {
        if (outlives_dump(file.kind) || file.kind == Kind::Inventory)
            continue;
        Images &images = out[file.kind];
        images.files++;
        if (may_be_cut(file.kind))
            if (auto st = sys::stat_at(dir.fd(), file.name.c_str()))
                images.bytes += static_cast<uint64_t>(st->st_size);
    }
    return out;
}

} // namespace

void list_images(const Dir &dir, img::inventory_entry &inventory)
{
    for (const auto &[kind, images] : images_of(dir)) {
        img::cr_images_entry &entry = *inventory.add_cr_images();
        entry.set_kind(kind_name(kind));
        entry.set_files(images.files);
        if (may_be_cut(kind))
            entry.set_bytes(images.bytes);
    }
}

std::string missing_because(const Dir &dir, const img::inventory_entry &inventory)
{
    if (!inventory.cr_images_size())
        return {};
    std::map<std::string, Images> here;
    for (const auto &[kind, images] : images_of(dir))
        here[kind_name(kind)] = images;
    for (const img::cr_images_entry &entry : inventory.cr_images()) {
        const Images &images = here[entry.kind()];
        if (images.files < entry.files()) {
            uint32_t missing = entry.files() - images.files;
            return cat("incomplete: ", missing, " of ", entry.files(), " ", printable(entry.kind()),
                       entry.files() == 1 ? " image" : " images", missing == 1 ? " is" : " are", " missing");
        }
        if (images.bytes < entry.bytes())
            log::warning("the ", printable(entry.kind()), " images in ", printable(dir.path()), " are ", images.bytes,
                         " bytes long, and were ", entry.bytes(), ": if nobody edited them, they are not whole");
    }
    return {};
}

} // namespace cr::image
