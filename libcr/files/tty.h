// Terminals: what tells their sorts apart, and which of them can be kept.
//
// A pseudo terminal is a pair: what is written to the slave (/dev/pts/N) is read from the master (an opened
// /dev/ptmx) and the other way round. With the master in the tree the pair is made again (pty.h). Without it
// the slave belongs to somebody else, a shell whose job the tree is: with --shell-job it becomes, on restore,
// the terminal of the caller. A slave whose master is gone has hung up, and is made again as one that has.
#pragma once

#include "libcr/files/kind.h"
#include "tty.pb.h"

#include <map>
#include <optional>
#include <set>

namespace cr::files
{

img::TtyType tty_type(dev_t rdev);
bool is_pty_master(dev_t rdev);
// N of /dev/pts/N.
std::optional<uint32_t> pts_index(dev_t rdev);

// What a descriptor of a terminal refers to; `fd` is a copy of it.
struct Terminal {
    img::TtyType type = img::UNKNOWN;
    bool master = false, hung_up = false;
    std::optional<uint32_t> index; // of the pseudo terminal; that of /dev/tty is the one behind it
};
Terminal terminal_of(dev_t rdev, int fd);

// Of all terminals of a tree, those that are somebody else's.
class TerminalSearch
{
  public:
    // `pidfd` is of the process that has the descriptor.
    void add(const Facts &facts, int pidfd);
    void finish(const DumpOptions &options, std::vector<Blocker> &out) const;

  private:
    std::set<uint32_t> masters_;
    struct Slave {
        Facts facts;
        Terminal terminal;
    };
    std::vector<Slave> slaves_;
};

// On restore: the pair that an entry belongs to; nothing when it is another terminal.
std::optional<uint32_t> pair_of(const img::file_entry &entry, const img::tty_info_entry &info);
bool is_master(const img::tty_info_entry &info);
bool is_hung_up(const img::tty_info_entry &info);

} // namespace cr::files
