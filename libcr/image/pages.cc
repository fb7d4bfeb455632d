#include "libcr/image/pages.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/image/reader.h"
#include "libcr/sys/file.h"
#include "pagemap.pb.h"

#include <algorithm>
#include <limits>

namespace cr::image
{

namespace
{

constexpr uint32_t kKnownFlags = kPageParent | kPageLazy | kPagePresent;

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
    if (run.flags & kPageParent)
        refused(cat(reader.name(), ": 0x", hex(run.start), " and ", run.nr_pages - 1,
                    " more pages are stored in the parent directory: incremental checkpoints are not "
                    "supported yet"),
                "dump without --prev-images-dir");
    return run;
}

} // namespace

Pagemap read_pagemap(const Dir &dir, Kind kind, uint64_t id)
{
    RecordReader reader(dir, kind, id);
    img::pagemap_head head;
    if (!reader.next(head))
        bad_image(cat(reader.name(), ": has no record"));
    Pagemap out;
    out.pages_id = head.pages_id();

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

Fd open_pages(const Dir &dir, uint32_t pages_id)
{
    Fd fd = dir.open_file(Kind::Pages, pages_id);
    if (!fd)
        bad_image(cat(file_name(Kind::Pages, pages_id), ": is missing"));
    return fd;
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
    writer_.put(entry);
    pending_ = {};
}

} // namespace cr::image
