// The opener: a process of its own that makes every open file description of an image set once, at a number
// known beforehand (first_number + rank of the entry), and lives until all tasks have fetched theirs. Being a
// process apart, it may hold thousands of descriptors without any task or clone paying for them.
//
// Two passes. open_all() makes every description, then arms what needs others to be open. after_tasks() runs
// when all tasks exist: owners of signals are processes.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/files/kind.h"
#include "libcr/image/dir.h"

#include <set>
#include <string>
#include <vector>

namespace cr::files
{

struct RestoreOptions {
    bool check_mode = true;     // off by --skip-file-rwx-check
    bool check_build_id = true; // off by --file-validation filesize
    int terminal = -1; // the caller's terminal, given to --shell-job descriptors; must be below first_number
    // Descriptors given by the caller: "pipe:[4711]", "tmp/x" or "tty[...]" and the number, below
    // first_number.
    std::vector<std::pair<std::string, int>> inherited;
    // Descriptions are made at this number and upwards. Whatever the opener shall keep must be below.
    int first_number = 64;
};

class Opener
{
  public:
    explicit Opener(const Plan &plan) : plan(plan) {}

    void open_all();
    void after_tasks();

    // For kinds.
    // `fd` is the description of this entry, with the flags it shall have (F_SETFL is done here).
    void place(const img::file_entry &entry, Fd fd);
    // `fd` at a number that no description will get: for what has to live while others are placed.
    Fd aside(Fd fd) const;
    bool is_made(const img::file_entry &entry) const;

    const Plan &plan;

  private:
    void prepare();

    std::set<int> made_;
};

} // namespace cr::files
