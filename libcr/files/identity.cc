#include "libcr/files/identity.h"

#include "libcr/base/text.h"
#include "libcr/sys/descriptor.h"

#include <algorithm>
#include <future>
#include <numeric>
#include <span>
#include <system_error>
#include <unordered_map>

namespace cr::files
{

namespace
{

constexpr size_t kLargeSet = 32;
constexpr size_t kWorthAThread = 1000; // descriptors: some ten thousand comparisons

// All eventfds are one inode, but fdinfo has a number for each.
uint64_t eventfd_number(const Facts &f)
{
    if (!f.is_anon("eventfd"))
        return 0;
    return parse_int<uint64_t>(f.info.field("eventfd-id").value_or("")).value_or(0);
}

struct Look {
    dev_t dev;
    ino_t ino;
    uint32_t flags;
    uint64_t number;
    auto operator<=>(const Look &) const = default;
};

Look look(const Facts &f) { return {f.st.st_dev, f.st.st_ino, f.open_flags(), eventfd_number(f)}; }

// By merging: of the ways to sort, the one with the fewest comparisons. Two threads, each with one half,
// where there are many.
template <class Less> void sort(std::span<uint32_t> set, const Less &less)
{
    if (set.size() < kWorthAThread)
        return std::stable_sort(set.begin(), set.end(), less);
    auto half = set.begin() + static_cast<std::ptrdiff_t>(set.size() / 2);
    try {
        auto other = std::async(std::launch::async, [&] { std::stable_sort(half, set.end(), less); });
        std::stable_sort(set.begin(), half, less);
        other.get();
    } catch (const std::system_error &) { // no more threads allowed
        return std::stable_sort(set.begin(), set.end(), less);
    }
    std::inplace_merge(set.begin(), half, set.end(), less);
}

// Descriptors that look alike, in any order: finds the equal ones.
void compare_set(std::span<uint32_t> set, const std::vector<const Facts *> &all, const Compare &by_pairs,
                 std::vector<uint32_t> &first)
{
    if (set.size() < 2)
        return;
    bool told = std::all_of(set.begin(), set.end(), [&](uint32_t i) { return all[i]->object != 0; });
    auto compare = [&](uint32_t a, uint32_t b) {
        const Facts &x = *all[a], &y = *all[b];
        return !told ? by_pairs(x, y) : x.object < y.object ? -1 : x.object > y.object;
    };
    sort(set, [&](uint32_t a, uint32_t b) { return compare(a, b) < 0; });
    for (size_t i = 0; i < set.size();) {
        size_t end = i + 1;
        while (end < set.size() && compare(set[i], set[end]) == 0)
            end++;
        uint32_t lowest = *std::min_element(set.begin() + i, set.begin() + end);
        for (; i < end; i++)
            first[set[i]] = lowest;
    }
}

// Calls work on each run of equal keys of a sorted span.
template <class Key, class Work> void for_runs(std::span<uint32_t> sorted, const Key &key, const Work &work)
{
    for (size_t i = 0; i < sorted.size();) {
        size_t end = i + 1;
        while (end < sorted.size() && key(sorted[i]) == key(sorted[end]))
            end++;
        work(sorted.subspan(i, end - i));
        i = end;
    }
}

} // namespace

int compare_descriptions(const Facts &a, const Facts &b) { return sys::kcmp_file(a.pid, a.fd, b.pid, b.fd); }

std::vector<uint32_t> identify(const std::vector<const Facts *> &all, const Compare &compare)
{
    std::vector<uint32_t> first(all.size());
    std::iota(first.begin(), first.end(), 0);
    std::vector<uint32_t> order;
    std::vector<Look> looks;
    for (uint32_t i = 0; i < all.size(); i++) {
        looks.push_back(look(*all[i]));
        if (all[i]->fd >= 0)
            order.push_back(i);
    }

    auto by_look = [&](uint32_t i) { return looks[i]; };
    auto by_offset = [&](uint32_t i) { return all[i]->info.pos; };
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return by_look(a) < by_look(b); });
    for_runs(std::span(order), by_look, [&](std::span<uint32_t> set) {
        if (set.size() <= kLargeSet)
            return compare_set(set, all, compare, first);
        std::sort(set.begin(), set.end(),
                  [&](uint32_t a, uint32_t b) { return by_offset(a) < by_offset(b); });
        for_runs(set, by_offset, [&](std::span<uint32_t> part) { compare_set(part, all, compare, first); });
    });
    return first;
}

std::vector<uint32_t> first_alike(const std::vector<const Facts *> &all)
{
    struct Hash {
        size_t operator()(const Facts *f) const { return std::hash<std::string>()(f->link) ^ f->st.st_ino; }
    };
    struct Equal {
        bool operator()(const Facts *a, const Facts *b) const
        {
            return a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino &&
                   a->open_flags() == b->open_flags() && a->link == b->link;
        }
    };
    std::unordered_map<const Facts *, uint32_t, Hash, Equal> known;
    std::vector<uint32_t> first(all.size());
    for (uint32_t i = 0; i < all.size(); i++) {
        bool has_name = all[i]->fd >= 0 && all[i]->link.starts_with('/') && !all[i]->info.field("lock");
        first[i] = has_name ? known.emplace(all[i], i).first->second : i;
    }
    return first;
}

} // namespace cr::files
