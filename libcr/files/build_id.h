// The build id of an ELF file: the note GNU/NT_GNU_BUILD_ID that the linker put into a PT_NOTE segment,
// normally 20 bytes. It tells two builds of a library apart that have the same size.
#pragma once

#include <cstdint>
#include <string>

namespace cr::files
{

// Empty when the file behind `fd` (readable, regular) is no ELF file or has no build id. Bytes that make no
// sense are no error: it is somebody's file, not ours.
std::string build_id_of(int fd);

} // namespace cr::files
