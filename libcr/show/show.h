// One image file as JSON of the shape that CRIU's `crit decode` has, {"magic": ..., "entries": [...]}, or as
// text. Payload bytes are the entry's "extra" in base64; of a raw image only the size is told.
#pragma once

#include "libcr/image/catalog.h"
#include "libcr/show/descriptors.h"

#include <functional>
#include <string>
#include <string_view>

namespace cr::show
{

enum class Style {
    Symbolic, // JSON, indented, addresses in hex and flags by name: for people
    Plain,    // JSON on one line, nothing but the numbers: what crit can encode again
    Text,
};

using Out = std::function<void(std::string_view)>;

// The kind goes by the file's name, or by its magic when the name says nothing.
void show_file(const Messages &messages, const std::string &path, Style style, const Out &out);

// CRIU's name of a magic: "CORE".
std::string magic_name(image::Kind kind);

} // namespace cr::show
