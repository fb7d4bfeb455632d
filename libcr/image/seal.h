// When is a directory a checkpoint? When it has an inventory, and only then. A dump begins by taking away an
// old one, and ends by renaming the new one into place: that rename is the commit point of the whole dump,
// and any kill before it leaves a directory that nobody accepts.
//
//   begin()           inventory gone, then every image of an earlier dump: one that this dump does not write
//                     again (a pipes-data, say) would be taken for its own
//   ...               the stages write
//   commit()          inventory.img.tmp, then rename
//   open_complete()   what a restore reads
//
// The rename is atomic against processes. Against a power failure it orders nothing; whoever must survive one
// asks for Durable::Yes, which flushes the file system first and costs what that costs.
#pragma once

#include "inventory.pb.h"
#include "libcr/image/dir.h"

#include <string>
#include <vector>

namespace cr::image
{

// The stages of a whole dump, as inventory_entry.cr_stages names them, in the order of the pipeline.
inline constexpr const char *kStages[] = {"cr-freeze", "cr-dump-ns", "cr-dump-mm", "cr-dump-net",
                                          "cr-dump-files"};

[[nodiscard]] std::vector<Fd> begin(const Dir &dir);

enum class Durable { No, Yes };
// Adds the list of all images to the inventory.
void commit(const Dir &dir, img::inventory_entry inventory, Durable durable = Durable::No);

// Takes a commit back.
void withdraw(const Dir &dir);

struct Complete {
    Dir dir;
    img::inventory_entry inventory;
};

// Refuses, naming what is missing: a directory without an inventory, one left by stages run alone, one of an
// unknown version.
Complete open_complete(const std::string &path);
Complete open_complete(Dir dir);

// Why the directory is not a complete checkpoint, one sentence without the directory's name; empty when it
// is.
std::string incomplete_because(const Dir &dir);

} // namespace cr::image
