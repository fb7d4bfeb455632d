#include "libcr/image/dedup.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/image/pages.h"
#include "libcr/image/parent.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <fcntl.h>
#include <map>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace cr::image
{

namespace
{

// Pages that younger images have: by start, the end; disjoint.
class Covered
{
  public:
    void add(uint64_t start, uint64_t end)
    {
        auto at = ends_.upper_bound(start);
        if (at != ends_.begin() && std::prev(at)->second >= start)
            --at;
        while (at != ends_.end() && at->first <= end) {
            start = std::min(start, at->first);
            end = std::max(end, at->second);
            at = ends_.erase(at);
        }
        ends_[start] = end;
    }

    template <typename Use> void within(uint64_t start, uint64_t end, Use use) const
    {
        auto at = ends_.upper_bound(start);
        if (at != ends_.begin())
            --at;
        for (; at != ends_.end() && at->first < end; ++at)
            if (at->second > start)
                use(std::max(start, at->first), std::min(end, at->second));
    }

  private:
    std::map<uint64_t, uint64_t> ends_;
};

Fd open_to_punch(const Dir &dir, uint32_t pages_id)
{
    std::string name = file_name(Kind::Pages, pages_id);
    long fd = sys::try_open_at(dir.fd(), name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    return Fd(static_cast<int>(
        sys::check(fd, [&] { return cat("open ", name, " in ", printable(dir.path()), " for writing"); })));
}

void punch(const Fd &file, uint64_t offset, uint64_t size)
{
    sys::check(sys::call(SYS_fallocate, file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size),
               "free stored pages (punch a hole)");
}

uint64_t free_covered(const Dir &dir, const Pagemap &map, const Covered &covered)
{
    uint64_t freed = 0;
    Fd file;
    for (const PageRun &run : map.runs)
        if (run.present())
            covered.within(run.start, run.end(), [&](uint64_t start, uint64_t end) {
                if (!file)
                    file = open_to_punch(dir, map.pages_id);
                punch(file, run.offset + (start - run.start), end - start);
                freed += (end - start) / kPageSize;
            });
    return freed;
}

bool is_pagemap(Kind kind) { return kind == Kind::Pagemap || kind == Kind::PagemapShmem; }

} // namespace

uint64_t free_superseded(const Dir &dir)
{
    uint64_t freed = 0;
    std::set<std::pair<dev_t, ino_t>> looked_at;
    for (const Dir::File &file : dir.files()) {
        if (!is_pagemap(file.kind))
            continue;
        Covered covered;
        std::set<std::pair<dev_t, ino_t>> seen;
        std::optional<Dir> at = dir_of(dir.fd());
        while (at && at->has(file.kind, file.id)) {
            struct stat st = sys::stat_of(at->fd(), at->path());
            if (!seen.emplace(st.st_dev, st.st_ino).second)
                bad_image(cat("the parents of ", printable(dir.path()), " lead in a circle"));
            if (seen.size() > 1 && looked_at.emplace(st.st_dev, st.st_ino).second && shares_pages(*at))
                refused(cat("tasks have pages of each other in ", printable(at->path()), " (--share-pages)"),
                        "keep the contents of that directory");
            Pagemap map = read_own_pagemap(*at, file.kind, file.id);
            freed += free_covered(*at, map, covered);
            for (const PageRun &run : map.runs)
                if (run.present())
                    covered.add(run.start, run.end());
            at = parent_of(*at);
        }
    }
    return freed;
}

uint64_t free_contents(const Dir &dir)
{
    uint64_t freed = 0;
    for (const Dir::File &file : dir.files()) {
        if (!is_pagemap(file.kind))
            continue;
        Pagemap map = read_pagemap(dir, file.kind, file.id);
        std::vector<Fd> files(map.sources.size());
        std::vector<Dir> dirs;
        dirs.push_back(dir_of(dir.fd()));
        for (uint32_t depth = 1; depth <= map.sources.back().depth; depth++)
            dirs.push_back(parent_of(dirs.back()).value());
        for (const PageRun &run : map.runs) {
            if (!run.present())
                continue;
            Fd &pages = files[run.source];
            if (!pages)
                pages = open_to_punch(dirs[map.sources[run.source].depth], map.sources[run.source].pages_id);
            punch(pages, run.offset, run.nr_pages * kPageSize);
            freed += run.nr_pages;
        }
    }
    return freed;
}

} // namespace cr::image
