// What an area of an address space is, as a constant table of kinds: how it is recognised, what the image
// calls it, or why it cannot be dumped. Pure, over what /proc says, so that cr-freeze can name every area in
// the way of a dump before anything is done to the tree.
#pragma once

#include "libcr/proc/maps.h"
#include "vma.pb.h"

#include <optional>
#include <string>
#include <vector>

namespace cr::mm
{

// The file behind an area, from /proc/PID/map_files/START-END.
struct FileFacts {
    bool regular = true;
    bool deleted = false; // no name leads to it any more
};

struct Classified {
    uint32_t status = 0; // of vma_entry
    // When set, the area cannot be dumped: completes "the area 7f..-7f.. (/path) ".
    const char *refusal = nullptr;
    const char *remedy = "";
};

// Nothing when it cannot be looked at.
std::optional<FileFacts> file_facts(const proc::PidDir &task, const proc::Area &area);

// `file` is absent when there is none, or when nobody looked yet (the path tells enough in nearly all cases).
// `flags_known` is false for areas read from maps: kinds that only VmFlags tell apart are then not refused.
Classified classify(const proc::Area &area, bool flags_known, const std::optional<FileFacts> &file = {});

// Whether the name alone does not say what the file is, so that it has to be looked at.
bool needs_file_facts(const proc::Area &area);

// As in the image; `shmid`, `pgoff` of files and `fdflags` are filled in by the caller, who knows the file.
img::vma_entry to_entry(const proc::Area &area, uint32_t status);

struct Blocker {
    std::string what, remedy;
};
// Areas of a task that cannot be dumped, from maps (cheap); what only smaps tells (userfaultfd, sealed areas,
// locked pages of devices) is refused by capture(). `rings` tells of asynchronous I/O.
std::vector<Blocker> blockers(const proc::PidDir &task, bool &rings);

Blocker describe_area(const proc::Area &area, const Classified &verdict);

} // namespace cr::mm
