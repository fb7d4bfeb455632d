// The terminals of a restore: which entries belong to one pseudo terminal, what is known of each terminal, and
// what stands for one that is not there any more.
//
// A terminal whose master is not in the images belonged to somebody else. With --shell-job the caller's stands
// for it. With --stdio something else does: each of the descriptors 0, 1 and 2 that led to it becomes an entry
// of its own, since what is read and what is written may come from different places then. With
// --orphan-pts-master a master is added to the images, and the pair is made like any other.
#pragma once

#include "libcr/files/opener.h"
#include "libcr/files/tty.h"
#include "tty.pb.h"

#include <map>
#include <string>
#include <vector>

namespace cr::files
{

class TerminalPlan
{
  public:
    using Pair = std::vector<const img::file_entry *>;

    // Reads tty-info and tty-data. Entries may be added; they must outlive this and stay where they are.
    void read(const image::Dir &images, const RestoreOptions &options, std::vector<img::file_entry> &entries);

    // The caller's terminal, by a name to open it; empty when there is none, or when it is not wanted.
    const std::string &callers() const { return callers_; }
    // Of an entry of type TTY, or by its id in tty-info.img. Throw when there is none.
    const img::tty_info_entry &info(const img::file_entry &entry) const;
    const img::tty_info_entry &info(uint32_t id) const;
    // Null when nothing waited in it.
    const img::tty_data_entry *data(uint32_t info_id) const;
    // The pseudo terminal whose master is in the images and to which this entry belongs.
    std::optional<PtyId> pty(const img::file_entry &entry) const;
    const Pair &pair(const PtyId &id) const { return pairs_.at(id); }
    bool has_pair(const PtyId &id) const { return pairs_.count(id) != 0; }
    // The id of the first of a pair: one for each.
    uint32_t first_id(const PtyId &id) const;
    // The terminal that controls that session; null when the images have none.
    const img::file_entry *of_session(pid_t session) const;
    // Whether it was somebody else's.
    bool is_outside(const img::file_entry &entry) const;
    // The master that was added for one; null when none was.
    const img::file_entry *orphan_master() const { return orphan_master_; }
    // The standard descriptor in whose place it is, of a terminal that --stdio replaces; nothing for others.
    std::optional<int> replaced(const img::file_entry &entry) const;
    // The id to use instead of `id` at descriptor `fd`.
    uint32_t id_at(uint32_t id, uint32_t fd) const;

  private:
    void read_images(const image::Dir &images);
    void add_master(std::vector<img::file_entry> &entries);
    void replace(std::vector<img::file_entry> &entries);
    void collect_pairs(const std::vector<img::file_entry> &entries);

    const RestoreOptions *options_ = nullptr;
    std::string callers_;
    std::map<uint32_t, img::tty_info_entry> infos_;
    std::map<uint32_t, img::tty_data_entry> data_;
    std::map<PtyId, Pair> pairs_;
    std::vector<const img::file_entry *> others_; // that are no pairs
    std::set<PtyId> masters_;
    std::map<uint32_t, int> replaced_; // entry id to standard descriptor
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> ids_; // entry id, descriptor
    uint32_t orphan_info_ = 0;
    const img::file_entry *orphan_master_ = nullptr;
};

// How to open the caller's terminal once more: through a descriptor that is one (`given`, if not -1, else the
// standard ones), else the controlling one by its device. Empty when there is none.
std::string callers_terminal(int given);

} // namespace cr::files
