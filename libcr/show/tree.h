// What a checkpoint says about its tasks, gathered from several images for people to read. A directory that
// is incomplete or damaged is looked at too, so whatever is missing is left empty.
#pragma once

#include "fdinfo.pb.h"
#include "libcr/image/dir.h"
#include "libcr/image/pages.h"
#include "mm.pb.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cr::show
{

struct Task {
    uint32_t pid = 0, ppid = 0, pgid = 0, sid = 0;
    unsigned depth = 0; // generations below its root
    std::vector<uint32_t> threads;
    std::string name;
    uint32_t state = 0;     // 1 alive, 2 zombie, 3 stopped; 0: not known
    uint32_t exit_code = 0; // as wait has it
    std::optional<uint32_t> files_id;

    bool zombie() const { return state == 2; }
    // Blanks before its name, `width` for each generation; a tree deeper than a screen is wide stays on it.
    std::string indent(unsigned width) const { return std::string(width * (depth < 40 ? depth : 40), ' '); }
};

// Children after their parents.
std::vector<Task> read_tree(const image::Dir &dir);

std::string state_text(const Task &task);
std::string signal_or_code(uint32_t wait_status);

using FilesById = std::map<uint32_t, img::file_entry>;
FilesById read_files(const image::Dir &dir);
// A path, "pipe[5]", "unix[7 (8) name]", "eventfd 3", ...
std::string file_text(const FilesById &files, uint32_t id);

// "[stack]", "/lib/x.so", ...; empty for plain memory.
std::string area_name(const img::vma_entry &vma, const FilesById &files);
// The same, with where in the file it begins, whether it is shared (s), and whether the kernel made it (*).
std::string area_text(const img::vma_entry &vma, const FilesById &files);

} // namespace cr::show
