// What images a dump wrote, by kind: many kinds may as well be absent, so that only the inventory tells that one was
// lost on the way, or cut off between two records. Directories of CRIU have no such list.
#pragma once

#include "inventory.pb.h"
#include "libcr/image/dir.h"

#include <string>

namespace cr::image
{

// Adds what is in the directory, which begin() had emptied before.
void list_images(const Dir &dir, img::inventory_entry &inventory);
// "incomplete: 1 of 2 fdinfo images is missing"; empty when all are there. Warns of images that are shorter than they
// were: that is what editing them may do, too.
std::string missing_because(const Dir &dir, const img::inventory_entry &inventory);

} // namespace cr::image
