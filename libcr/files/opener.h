// The opener: a process of its own that makes every open file description of an image set once, at a number
// known beforehand (first_number + rank of the entry), and lives until all tasks have fetched theirs. Being a
// process apart, it may hold thousands of descriptors without any task or clone paying for them.
//
// Two passes. open_all() makes every description, then arms what needs others to be open. after_tasks() runs
// when all tasks exist: owners of signals are processes.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/files/ghosts.h"
#include "libcr/files/kind.h"
#include "libcr/files/path_map.h"
#include "libcr/image/dir.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <typeindex>
#include <vector>

namespace cr::plugin
{
class Plugins;
}

namespace cr::files
{

struct RestoreOptions {
    bool check_mode = true;     // off by --skip-file-rwx-check
    bool check_build_id = true; // off by --file-validation filesize
    bool shell_job = false;     // terminals in the images become the caller's
    bool tcp_close = false;     // TCP connections come back closed
    std::string stdio; // what stands for terminals of others: "null", "inherit", a file; empty: the caller's
    PathMap paths; // files have other names here
    bool orphan_pts_master = false; // the one whose master is not in the images gets a new one
    std::set<pid_t> pids;           // processes of the images
    std::set<pid_t> threads;        // and their other threads
    int terminal = -1; // that terminal, below first_number; -1: one of 0 to 2, or the controlling one
    plugin::Plugins *plugins = nullptr; // borrowed
    // Descriptors given by the caller: "pipe:[4711]", "tmp/x" or "tty[...]" and the number, below
    // first_number.
    std::vector<std::pair<std::string, int>> inherited;
    // Files that are mapped for writing: in CRIU's images their entries may say that they are open for
    // reading only.
    std::set<uint32_t> written;
    // Descriptions are made at this number and upwards. Whatever the opener shall keep must be below.
    int first_number = 64;
};

class Opener
{
  public:
    explicit Opener(const Plan &plan) : plan(plan) {}

    void open_all();
    void open_late(); // when plan.has_late() and all processes are born
    void after_tasks();
    void let_go(); // when the tasks are sure to live

    // For kinds.
    // `fd` is the description of this entry, with the flags it shall have (F_SETFL is done here).
    void place(const img::file_entry &entry, Fd fd);
    void place_as_it_is(const img::file_entry &entry, Fd fd); // whatever flags it has
    // `fd` once more, at a number that no description will get: for what has to live while others are placed.
    Fd aside(int fd) const;
    // Runs `work` while the description at `from` is to be had at `number` too.
    void at_number(int from, int number, const std::function<void()> &work) const;
    bool is_made(const img::file_entry &entry) const;
    // A description of a file of plan.ghosts(), which is made when it is first asked for.
    Fd open_unnamed(const img::reg_file_entry &reg, uint32_t flags);

    // Of a kind's own, kept until all is open: the file behind several descriptions. Empty at first.
    Fd &held(const char *what, uint32_t id) { return held_[{what, id}]; }
    // Whether this is the first time that it is asked.
    bool first_of(const char *what, uint32_t id) { return seen_.emplace(what, id).second; }
    // What a kind remembers from one entry to the next: a T made of this opener at the first call.
    template <class T> T &state()
    {
        std::shared_ptr<void> &state = states_[typeid(T)];
        if (!state)
            state = std::make_shared<T>(*this);
        return *static_cast<T *>(state.get());
    }

    const Plan &plan;

  private:
    void prepare();
    void open(bool late);
    void arm(bool late);

    std::set<int> made_;
    std::map<std::type_index, std::shared_ptr<void>> states_;
    std::map<Ghosts::Key, Ghosts::Made> ghosts_;
    std::map<std::pair<std::string, uint32_t>, Fd> held_;
    std::set<std::pair<std::string, uint32_t>> seen_;
};

} // namespace cr::files
