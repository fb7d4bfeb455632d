// What is inside pipes and FIFOs. The kernel has no way to look without taking, but tee(2) duplicates a
// pipe's buffers into another pipe, leaving them where they are; that one, ours, is then read. One pipe of
// ours serves all, made as large as the largest: no limit on the number of pipes.
//
// tee needs a reading end. Where the tree has none (its reader is gone, or elsewhere), our copy of a writing
// end is opened again for reading through /proc/self/fd.
//
// Image: pipe_data_entry {pipe_id, bytes, size of the pipe}, then the bytes.
#pragma once

#include "libcr/files/tree.h"
#include "libcr/image/reader.h"
#include "libcr/image/writer.h"

#include <map>
#include <vector>

namespace cr::files
{

// An end of a pipe: its description, and through it its task and descriptor.
using Ends = std::vector<const Description *>;

// Writes the image of that kind: one record for each pipe, by pipe id. Nothing is written when there are
// none.
void write_pipe_data(Tree &tree, image::Kind kind, const std::map<uint32_t, Ends> &pipes);

// Where the contents of a pipe are.
struct PipeContent {
    uint64_t offset = 0; // in the image file
    uint32_t bytes = 0;
    uint32_t size = 0;             // 0: not recorded
    std::vector<uint32_t> packets; // lengths, when it keeps writes apart
};
using PipeContents = std::map<uint32_t, PipeContent>;

// Reads the records of an image, checking that each pipe comes once.
PipeContents read_pipe_contents(const image::Dir &images, image::Kind kind);
// Makes the pipe as large as it was and fills it through its writing end, which must not block.
void fill_pipe(int write_end, const PipeContent &content, const image::Dir &images, image::Kind kind);

} // namespace cr::files
