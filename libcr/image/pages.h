// The page store: which pages of an address space (or of a shared memory object) are stored, and where.
//
// pagemap-N (N: pid) or pagemap-shmem-N (N: shmid) begins with the number of its pages file and goes on with
// runs of pages, sorted, disjoint. pages-M is nothing but the contents of all Present runs, one after the
// other, so a run's place in it is the sum of the Present runs before. What is in no run is zero or a hole.
//
// A run of an incremental dump may say Parent: its contents are in the run of the same pages of the directory
// that the link `parent` leads to, or there again in its parent. A run of a dump with --share-pages may say
// OfTask: its contents are those of a Present run of another task. Reading a pagemap follows all that.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/base/fd.h"
#include "libcr/image/dir.h"
#include "libcr/image/writer.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cr::image
{

inline constexpr uint32_t kPageParent = 1;  // the contents are in the parent directory
inline constexpr uint32_t kPageLazy = 2;    // may be sent later, on demand
inline constexpr uint32_t kPagePresent = 4; // the contents are in the pages file
inline constexpr uint32_t kPageOfTask = 0x10000; // they are another task's, which CRIU does not know

struct PageRun {
    uint64_t start;    // an address in the task, or an offset in the shared object; a multiple of kPageSize
    uint64_t nr_pages; // never 0
    uint32_t flags;
    uint64_t offset;     // of the contents in the pages file; for Present runs only
    uint32_t source = 0; // which of Pagemap::sources
    uint64_t of = 0, at = 0; // OfTask: whose pagemap, and the address in that task

    uint64_t end() const { return start + nr_pages * kPageSize; }
    bool present() const { return flags & kPagePresent; }
};

struct PagesFile {
    uint32_t depth = 0; // 0: in the directory itself, 1: in its parent, ...
    uint32_t pages_id = 0;

    bool operator==(const PagesFile &) const = default;
};

struct Pagemap {
    uint32_t pages_id = 0;
    std::vector<PagesFile> sources; // the first is the directory's own
    std::vector<PageRun> runs;      // sorted, disjoint, within the pages file
};

// Kind::Pagemap or Kind::PagemapShmem. Runs of parents and of other tasks are Present afterwards, in pieces as
// they are stored.
Pagemap read_pagemap(const Dir &dir, Kind kind, uint64_t id);
// As it is stored: Parent and OfTask runs say so, and are not looked for.
Pagemap read_own_pagemap(const Dir &dir, Kind kind, uint64_t id);
// Whether a task there has pages that are stored with another one.
bool shares_pages(const Dir &dir);
// Open for reading; the file must be there.
Fd open_pages(const Dir &dir, uint32_t pages_id);
Fd open_pages(const Dir &dir, const PagesFile &file);
std::vector<Fd> open_all_pages(const Dir &dir, const Pagemap &pagemap);
// "parent/parent/pages-1.img"
std::string path_of(const PagesFile &file);
// What one path may have of links; files that are deeper are opened step by step.
inline constexpr uint32_t kDeepestPath = 32;

// Writes a pagemap while the caller writes the pages: add() says where in the pages file a run's contents
// belong.
class PagemapWriter
{
  public:
    // Makes both files. `pages_id` is the caller's to choose: from 1 up, each used once in the directory.
    PagemapWriter(const Dir &dir, Kind kind, uint64_t id, uint32_t pages_id);

    // In rising order. A run that continues the one before, with the same flags, becomes one with it. Returns
    // the offset in the pages file of a Present run's contents.
    uint64_t add(uint64_t start, uint64_t nr_pages, uint32_t flags = kPagePresent);
    // Contents that are Present in the pagemap `of`, at `at`.
    void add_of_task(uint64_t start, uint64_t nr_pages, uint64_t of, uint64_t at);
    int pages_fd() const { return pages_.get(); }
    uint64_t bytes() const { return next_offset_; }
    void finish();

  private:
    void put_pending();

    Writer writer_;
    Fd pages_;
    PageRun pending_{}; // nr_pages 0: none
    uint64_t next_offset_ = 0;
};

} // namespace cr::image
