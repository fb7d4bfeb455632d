// Editing images in place, for tests: every record of a file through a function, payload carried along.
#pragma once

#include "libcr/image/dir.h"
#include "libcr/show/descriptors.h"

#include <functional>
#include <string>

namespace cr::test
{

using Edit = std::function<void(google::protobuf::Message &)>;

// Payload is cut to what the edited record says of its length.
void rewrite(const show::Messages &messages, const image::Dir &dir, image::Kind kind, uint64_t id,
             const Edit &edit);

// The name of a kind as people write it: "core", "pagemap-shmem".
std::string kind_name(image::Kind kind);

} // namespace cr::test
