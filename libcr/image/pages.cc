#include "libcr/image/pages.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/image/parent.h"
#include "libcr/image/reader.h"
#include "libcr/sys/file.h"
#include "pagemap.pb.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <utility>

namespace cr::image
{

namespace
{

constexpr uint32_t kKnownFlags = kPageParent | kPageLazy | kPagePresent | kPageOfTask;

// Images of before the flags: present unless in the parent.
uint32_t flags_of(const img::pagemap_entry &entry)
{
    if (entry.has_flags())
        return entry.flags() | (entry.in_parent() ? kPageParent : 0);
    return entry.in_parent() ? kPageParent : kPagePresent;
}

PageRun checked(const RecordReader &reader, const img::pagemap_entry &entry, uint64_t previous_end)
{
    PageRun run{entry.vaddr(), entry.has_nr_pages() ? entry.nr_pages() : entry.compat_nr_pages(),
                flags_of(entry), 0};
    if (run.start % kPageSize)
        reader.fail(cat("vaddr 0x", hex(run.start), " is not at a page"));
    if (run.nr_pages == 0)
        reader.fail("nr_pages is 0");
    if (run.nr_pages > (std::numeric_limits<uint64_t>::max() - run.start) / kPageSize)
        reader.fail(cat("nr_pages ", run.nr_pages, " reaches over the end of the address space"));
    if (run.start < previous_end)
        reader.fail(cat("vaddr 0x", hex(run.start), " is before the end of the record before, 0x",
                        hex(previous_end)));
    if (run.flags & ~kKnownFlags)
        reader.fail(cat("flags 0x", hex(run.flags), " are not known"));
    if ((run.flags & kPageParent) && (run.flags & kPagePresent))
        reader.fail("flags say both that the pages are here and that they are in the parent");
    if (!(run.flags & kPageOfTask))
        return run;
    run.of = entry.cr_of();
    run.at = entry.cr_at();
    if (run.flags & ~(kPageOfTask | kPageLazy))
        reader.fail("flags say both that the pages are another task's and that they are elsewhere");
    if (run.at % kPageSize || run.nr_pages > (std::numeric_limits<uint64_t>::max() - run.at) / kPageSize)
        reader.fail(cat("another task has no ", run.nr_pages, " pages at 0x", hex(run.at)));
    return run;
}

// Replaces OfTask runs by what they stand for. Neighbouring pages of a task are one run there.
void resolve_of_tasks(const Dir &dir, Pagemap &map, const std::string &name)
{
    std::map<uint64_t, std::pair<uint32_t, Pagemap>> others; // and which source they are
    for (PageRun &run : map.runs) {
        if (!(run.flags & kPageOfTask))
            continue;
        auto found = others.find(run.of);
        if (found == others.end()) {
            if (!dir.has(Kind::Pagemap, run.of))
                bad_image(cat(name, ": ", file_name(Kind::Pagemap, run.of), ", which has some of its pages, is missing"));
            Pagemap other = read_own_pagemap(dir, Kind::Pagemap, run.of);
            auto source = static_cast<uint32_t>(map.sources.size());
            map.sources.push_back(other.sources.front());
            found = others.emplace(run.of, std::pair(source, std::move(other))).first;
        }
        auto &[source, other] = found->second;
        auto theirs = std::partition_point(other.runs.begin(), other.runs.end(),
                                           [&](const PageRun &r) { return r.end() <= run.at; });
        if (theirs == other.runs.end() || !theirs->present() || theirs->start > run.at ||
            theirs->end() - run.at < run.nr_pages * kPageSize)
            bad_image(cat(name, ": ", file_name(Kind::Pagemap, run.of), " does not have its pages at 0x", hex(run.at)));
        run = {run.start, run.nr_pages, kPagePresent, theirs->offset + (run.at - theirs->start), source};
    }
}

// Directories that lead to each other would be followed for ever.
class Chain
{
  public:
    Chain(const Dir &dir, Kind kind, uint64_t id) : kind_(kind), id_(id) { seen(dir); }

    // Replaces Parent runs by what they stand for.
    Pagemap resolve(const Dir &dir);

  private:
    void seen(const Dir &dir)
    {
        struct stat st = sys::stat_of(dir.fd(), dir.path());
        if (!seen_.emplace(st.st_dev, st.st_ino).second)
            bad_image(cat("the parents of ", printable(dir.path()), " lead in a circle"));
    }
    std::vector<PageRun> within(const Pagemap &own, std::vector<PageRun> parent, const std::string &name);
    Pagemap level(const Dir &dir);

    Kind kind_;
    uint64_t id_;
    std::set<std::pair<dev_t, ino_t>> seen_;
};

bool needs_parent(const Pagemap &map)
{
    return std::any_of(map.runs.begin(), map.runs.end(),
                       [](const PageRun &run) { return run.flags & kPageParent; });
}

// Both sorted. Every page of a Parent run must be in `parent`.
std::vector<PageRun> Chain::within(const Pagemap &own, std::vector<PageRun> parent, const std::string &name)
{
    std::vector<PageRun> out;
    auto from = parent.begin();
    for (const PageRun &run : own.runs) {
        if (!(run.flags & kPageParent)) {
            out.push_back(run);
            continue;
        }
        for (uint64_t at = run.start; at < run.end();) {
            while (from != parent.end() && from->end() <= at)
                ++from;
            if (from == parent.end() || from->start > at || !from->present())
                bad_image(cat(name, ": the page at 0x", hex(at), " is not in the parent directory either"));
            uint64_t end = std::min(run.end(), from->end());
            out.push_back(
                {at, (end - at) / kPageSize, kPagePresent, from->offset + (at - from->start), from->source});
            at = end;
        }
    }
    return out;
}

// Without runs of other tasks.
Pagemap Chain::level(const Dir &dir)
{
    Pagemap out = read_own_pagemap(dir, kind_, id_);
    resolve_of_tasks(dir, out, file_name(kind_, id_));
    return out;
}

// Down to the first directory that needs no parent, and up again: chains may be longer than a stack.
Pagemap Chain::resolve(const Dir &dir)
{
    std::vector<Pagemap> levels = {level(dir)};
    std::optional<Dir> at;
    while (needs_parent(levels.back())) {
        const Dir &here = at ? *at : dir;
        std::optional<Dir> next = parent_of(here);
        if (!next)
            bad_image(cat(printable(here.path()), "/", file_name(kind_, id_),
                          ": pages are in a parent directory, and there is none"),
                      "bring the directories of the earlier dumps along");
        seen(*next);
        at = std::move(next);
        if (!at->has(kind_, id_))
            bad_image(cat(printable(at->path()), "/", file_name(kind_, id_), ": is missing"));
        levels.push_back(level(*at));
    }
    Pagemap out = levels.front();
    out.sources.clear();
    for (size_t i = 0; i < levels.size(); i++) {
        for (PageRun &run : levels[i].runs)
            run.source += static_cast<uint32_t>(out.sources.size());
        for (const PagesFile &file : levels[i].sources)
            out.sources.push_back({static_cast<uint32_t>(i), file.pages_id});
    }
    std::vector<PageRun> runs;
    for (size_t i = levels.size(); i-- > 0;) {
        runs = within(levels[i], std::move(runs), file_name(kind_, id_));
    }
    out.runs = std::move(runs);
    return out;
}

} // namespace

Pagemap read_pagemap(const Dir &dir, Kind kind, uint64_t id) { return Chain(dir, kind, id).resolve(dir); }

Pagemap read_own_pagemap(const Dir &dir, Kind kind, uint64_t id)
{
    RecordReader reader(dir, kind, id);
    img::pagemap_head head;
    if (!reader.next(head))
        bad_image(cat(reader.name(), ": has no record"));
    Pagemap out;
    out.pages_id = head.pages_id();
    out.sources.push_back({0, out.pages_id});

    img::pagemap_entry entry;
    uint64_t end = 0, bytes = 0, stored = 0;
    while (reader.next(entry)) {
        PageRun run = checked(reader, entry, end);
        end = run.end();
        if (run.present()) {
            if (bytes == 0) {
                std::string name = file_name(Kind::Pages, out.pages_id);
                stored =
                    static_cast<uint64_t>(sys::stat_of(open_pages(dir, out.pages_id).get(), name).st_size);
            }
            run.offset = bytes;
            // Compared in pages, so that the sum cannot overflow.
            if (run.nr_pages > (stored - bytes) / kPageSize)
                reader.fail(cat(run.nr_pages, " pages where ", file_name(Kind::Pages, out.pages_id), " has ",
                                (stored - bytes) / kPageSize, " more"));
            bytes += run.nr_pages * kPageSize;
        }
        out.runs.push_back(run);
    }
    return out;
}

bool shares_pages(const Dir &dir)
{
    for (const Dir::File &file : dir.files()) {
        if (file.kind != Kind::Pagemap)
            continue;
        for (const PageRun &run : read_own_pagemap(dir, file.kind, file.id).runs)
            if (run.flags & kPageOfTask)
                return true;
    }
    return false;
}

Fd open_pages(const Dir &dir, uint32_t pages_id)
{
    Fd fd = dir.open_file(Kind::Pages, pages_id);
    if (!fd)
        bad_image(cat(file_name(Kind::Pages, pages_id), ": is missing"));
    return fd;
}

Fd open_pages(const Dir &dir, const PagesFile &file)
{
    std::optional<Dir> at;
    for (uint32_t i = 0; i < file.depth; i++) {
        at = parent_of(at ? *at : dir);
        if (!at)
            bad_image(cat(path_of(file), ": is missing"));
    }
    return open_pages(at ? *at : dir, file.pages_id);
}

std::vector<Fd> open_all_pages(const Dir &dir, const Pagemap &pagemap)
{
    std::set<uint32_t> used;
    for (const PageRun &run : pagemap.runs)
        if (run.present())
            used.insert(run.source);
    std::vector<Fd> out(pagemap.sources.size());
    for (uint32_t source : used)
        out[source] = open_pages(dir, pagemap.sources[source]);
    return out;
}

std::string path_of(const PagesFile &file)
{
    std::string out;
    for (uint32_t i = 0; i < file.depth; i++)
        out += "parent/";
    return out + file_name(Kind::Pages, file.pages_id);
}

PagemapWriter::PagemapWriter(const Dir &dir, Kind kind, uint64_t id, uint32_t pages_id)
    : writer_(dir, kind, id), pages_(dir.create_file(Kind::Pages, pages_id))
{
    img::pagemap_head head;
    head.set_pages_id(pages_id);
    writer_.put(head);
}

uint64_t PagemapWriter::add(uint64_t start, uint64_t nr_pages, uint32_t flags)
{
    uint64_t offset = next_offset_;
    if (flags & kPagePresent)
        next_offset_ += nr_pages * kPageSize;
    if (pending_.nr_pages && pending_.end() == start && pending_.flags == flags) {
        pending_.nr_pages += nr_pages;
    } else {
        put_pending();
        pending_ = {start, nr_pages, flags, offset};
    }
    return offset;
}

void PagemapWriter::add_of_task(uint64_t start, uint64_t nr_pages, uint64_t of, uint64_t at)
{
    if (pending_.nr_pages && pending_.end() == start && pending_.flags == kPageOfTask && pending_.of == of &&
        pending_.at + pending_.nr_pages * kPageSize == at) {
        pending_.nr_pages += nr_pages;
    } else {
        put_pending();
        pending_ = {start, nr_pages, kPageOfTask, 0, 0, of, at};
    }
}

void PagemapWriter::finish()
{
    put_pending();
    writer_.finish();
    pages_.reset();
}

// The 32-bit count is for readers from before the 64-bit one.
void PagemapWriter::put_pending()
{
    if (pending_.nr_pages == 0)
        return;
    img::pagemap_entry entry;
    entry.set_vaddr(pending_.start);
    entry.set_compat_nr_pages(
        static_cast<uint32_t>(std::min<uint64_t>(pending_.nr_pages, std::numeric_limits<uint32_t>::max())));
    entry.set_flags(pending_.flags);
    entry.set_nr_pages(pending_.nr_pages);
    if (pending_.flags & kPageOfTask) {
        entry.set_cr_of(pending_.of);
        entry.set_cr_at(pending_.at);
    }
    writer_.put(entry);
    pending_ = {};
}

} // namespace cr::image
