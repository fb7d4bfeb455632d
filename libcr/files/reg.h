// Files with a name: regular files, directories, those character devices that are the same everywhere (major
// 1: null, zero, full, random ...), and of any kind those that are open for their path only (O_PATH). Kept: name, offset, flags, owner. On
// restore the name is opened again, so it must lead to the same file now and to an equal one then: at dump
// the name is compared by device and inode, at restore the file by type, mode, size and, for ELF files, build
// id.
//
// What has no name any more is a matter of unnamed.h; what is hidden under a mount is refused. Files
// below /proc/PID: proc_file.h.
#pragma once

#include "libcr/files/build_id.h"
#include "libcr/files/kind.h"
#include "libcr/files/opener.h"

namespace cr::files
{

// Why a file cannot be found again by the name in facts.link; nothing when it can.
std::optional<Blocker> name_blocker(const Facts &facts, const DumpOptions &options);
// Fills in the entry of a file but for its name.
void fill_reg(img::reg_file_entry &reg, uint32_t id, const Facts &facts, const std::string &build_id = {});
// Whether a build id is wanted of it, and can be read through descriptors with its flags.
bool wants_build_id(const Facts &facts, const DumpOptions &options);

// Throws bad_image when the name is none that can be opened.
void check_reg(const img::reg_file_entry &reg);
// Refuses a file that is not what is recorded. What is there now against that:
void check_unchanged(const img::reg_file_entry &reg, const struct stat &st, const RestoreOptions &options);
// Opens the file with `flags`, after comparing what is there now with what is recorded.
// Build ids that were read are remembered in `known`.
Fd open_reg(const img::reg_file_entry &reg, uint32_t flags, const RestoreOptions &options,
            BuildIds *known = nullptr);

} // namespace cr::files
