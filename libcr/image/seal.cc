#include "libcr/image/seal.h"

#include "libcr/base/error.h"
#include "libcr/base/insist.h"
#include "libcr/base/text.h"
#include "libcr/image/manifest.h"
#include "libcr/image/parent.h"
#include "libcr/image/reader.h"
#include "libcr/image/writer.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::image
{

namespace
{

constexpr const char *kTemporary = "inventory.img.tmp";
constexpr uint32_t kOldestVersion = 1, kNewestVersion = 2;

void remove(const Dir &dir, const std::string &name)
{
    long r = sys::unlink_at(dir.fd(), name.c_str());
    if (r != -ENOENT)
        sys::check(r, [&] { return cat("remove the old ", name, " in ", printable(dir.path())); });
}

std::string joined(const std::vector<std::string> &words)
{
    std::string out;
    for (const std::string &word : words)
        out += cat(out.empty() ? "" : ", ", word);
    return out;
}

// "there: pstree, 3 core, 2 mm; not there: files, pages"
std::string inventory_of(const Dir &dir)
{
    std::vector<std::string> there, absent;
    auto files = dir.files();
    for (Kind kind :
         {Kind::Pstree, Kind::Core, Kind::Mm, Kind::Pagemap, Kind::Pages, Kind::Files, Kind::Fdinfo}) {
        std::string name = kind_name(kind);
        auto n =
            std::count_if(files.begin(), files.end(), [&](const Dir::File &f) { return f.kind == kind; });
        if (n)
            there.push_back(entry(kind).id == Id::None ? name : cat(n, " ", name));
        else
            absent.push_back(name);
    }
    if (there.empty())
        return files.empty() ? "nor any other image" : cat("there: ", files.size(), " other images");
    return cat("there: ", joined(there), absent.empty() ? "" : "; not there: ", joined(absent));
}

std::string partial_because(const img::inventory_entry &inventory)
{
    std::vector<std::string> ran(inventory.cr_stages().begin(), inventory.cr_stages().end()), missing;
    for (const char *stage : kStages)
        if (std::find(ran.begin(), ran.end(), stage) == ran.end())
            missing.emplace_back(stage);
    for (std::string &stage : ran)
        stage = printable(stage);
    return cat("partial: only ", ran.empty() ? "some stages" : joined(ran), " ran, ",
               missing.empty() ? "not in one dump" : cat("missing: ", joined(missing)));
}

std::string version_because(const img::inventory_entry &inventory)
{
    if (inventory.img_version() >= kOldestVersion && inventory.img_version() <= kNewestVersion)
        return {};
    return cat("of version ", inventory.img_version(), ", known are ", kOldestVersion, " to ",
               kNewestVersion);
}

std::string because(const Dir &dir, const std::optional<img::inventory_entry> &inventory)
{
    if (!inventory)
        return cat("incomplete: no inventory.img, ", inventory_of(dir));
    if (inventory->cr_partial())
        return partial_because(*inventory);
    std::string reason = version_because(*inventory);
    return reason.empty() ? missing_because(dir, *inventory) : reason;
}

} // namespace

// Old pages are kept open until the caller lets go of them: to free a GiB of them takes a tenth of a second.
std::vector<Fd> begin(const Dir &dir)
{
    std::vector<Fd> kept;
    if (dir.is_null())
        return kept;
    remove(dir, file_name(Kind::Inventory));
    remove(dir, kTemporary);
    unlink_parent(dir);
    for (const Dir::File &file : dir.files())
        if (!outlives_dump(file.kind)) {
            if (file.kind == Kind::Pages) {
                long fd =
                    sys::call(SYS_openat, dir.fd(), file.name.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW, 0);
                if (fd >= 0)
                    kept.emplace_back(static_cast<int>(fd));
            }
            remove(dir, file.name);
        }
    return kept;
}

void withdraw(const Dir &dir)
{
    if (!dir.is_null())
        insist([&] { remove(dir, file_name(Kind::Inventory)); });
}

// A part of one that could not be written is of no use to anybody.
static void write_temporary(const Dir &dir, const img::inventory_entry &inventory)
{
    remove(dir, kTemporary);
    Writer writer(sys::open_at(dir.fd(), kTemporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600),
                  Kind::Inventory, kTemporary);
    try {
        writer.put(inventory);
        writer.finish();
    } catch (...) {
        sys::unlink_at(dir.fd(), kTemporary);
        throw;
    }
}

void commit(const Dir &dir, img::inventory_entry inventory, Durable durable)
{
    if (dir.is_null())
        return;
    list_images(dir, inventory);
    write_temporary(dir, inventory);
    if (durable == Durable::Yes)
        sys::check(sys::call(SYS_syncfs, dir.fd()), [&] { return cat("flush ", printable(dir.path())); });
    sys::check(sys::rename_at(dir.fd(), kTemporary, dir.fd(), file_name(Kind::Inventory).c_str()),
               [&] { return cat("commit the inventory in ", printable(dir.path())); });
    if (durable == Durable::Yes)
        sys::check(sys::call(SYS_fsync, dir.fd()), [&] { return cat("flush ", printable(dir.path())); });
}

Complete open_complete(Dir dir)
{
    auto inventory = read_optional<img::inventory_entry>(dir, Kind::Inventory);
    std::string reason = because(dir, inventory);
    if (!reason.empty())
        bad_image(cat("the checkpoint in ", printable(dir.path()), " is ", reason),
                  inventory && !inventory->cr_partial() ? "dump again, or find a whole copy of it"
                                                        : "dump again, all stages together: cr dump");
    return {std::move(dir), std::move(*inventory)};
}

Complete open_complete(const std::string &path) { return open_complete(Dir::open(path)); }

std::string incomplete_because(const Dir &dir)
{
    return because(dir, read_optional<img::inventory_entry>(dir, Kind::Inventory));
}

} // namespace cr::image
