// The files of a restore that have no name of their own (unnamed.h). A ghost is made anew without a name, or
// under its old one; a file with a temporary name is found by that, or, where that has been taken away since,
// by its handle. Either is then given each of its old names for as long as it takes to open it by that, so that
// /proc shows "NAME (deleted)" as before, and opened again from there for each description. Directories on the
// way to an old name are made for that time too. Where the name is in use the file is opened as it is.
//
// What is given a name may stay behind when the opener is killed: see remove_left().
#pragma once

#include "libcr/base/fd.h"
#include "libcr/image/dir.h"

#include "ghost-file.pb.h"
#include "regfile.pb.h"
#include "remap-file-path.pb.h"

#include <ctime>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace cr::files
{

class Scaffold;

class Ghosts
{
  public:
    using FindEntry = std::function<const img::reg_file_entry *(uint32_t id)>;
    // Checks them all. `find` gives a regular-file entry, or null.
    static Ghosts read(const image::Dir &images, const FindEntry &find);

    // A file below /proc of a process that was dead at the dump.
    bool is_dead(uint32_t file_id) const { return dead_.count(file_id) != 0; }
    bool has(uint32_t file_id) const { return file_of_.count(file_id) != 0; }
    // Whether it is a file with a temporary name: it was there at the dump, and should be as it was.
    bool is_link(uint32_t file_id) const { return file_of_.at(file_id).link; }
    // Whether the entry is the temporary name of another.
    bool is_name(uint32_t file_id) const { return links_.count(file_id) != 0; }

    // Entries that are the same file have the same key.
    struct Key {
        bool link = false;
        uint32_t id = 0; // of the ghost, or of the entry that is the temporary name
        auto operator<=>(const Key &) const = default;
    };
    Key key(uint32_t file_id) const { return file_of_.at(file_id); }
    // O_PATH descriptors of one file, which is made now, by its old names.
    using Made = std::map<std::string, Fd>;
    Made make(const image::Dir &images, Key key) const;

    // After a restore that failed on the way: takes away what a process that was killed between giving a name
    // and taking it has left. Nothing older than `since` is.
    void remove_left(const timespec &since) const;
    // After a restore that went well: takes away the temporary names.
    void remove_links() const;

  private:
    Fd make_first(const image::Dir &images, Key key, const std::string &name, Scaffold &scaffold) const;
    void note_missing_directories();
    void note_what_is_there();

    std::map<uint32_t, Key> file_of_;
    std::map<Key, std::set<std::string>> names_;
    std::set<uint32_t> dead_;
    std::map<uint32_t, img::ghost_file_entry> entries_;
    std::map<uint32_t, img::reg_file_entry> links_;
    std::vector<std::string> missing_; // directories that there were not, deepest last
    std::set<std::string> there_;      // names that are somebody else's: never removed
};

} // namespace cr::files
