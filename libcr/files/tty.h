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
// "tty[8803:18]": the name by which a terminal is given (--external, --inherit-fd): device and file system in
// hexadecimal.
std::string terminal_key(dev_t rdev, dev_t dev);
// N of /dev/pts/N.
std::optional<uint32_t> pts_index(dev_t rdev);

// A pseudo terminal. Each mount of devpts is an instance that counts its own; 0 is the one at /dev/pts.
struct PtyId {
    uint32_t instance = 0, index = 0;
    auto operator<=>(const PtyId &) const = default;
};

// What a descriptor of a terminal refers to.
struct Terminal {
    img::TtyType type = img::UNKNOWN;
    bool master = false, hung_up = false;
    dev_t real = 0;             // the device; that of /dev/tty is the one behind it
    std::optional<PtyId> pty;   // which pseudo terminal that is; of /dev/tty without its instance
};
// `fd` is a copy of a descriptor that has these facts.
Terminal terminal_of(const struct stat &st, int fd);
// Number of the instance that the file system `dev` is.
uint32_t devpts_instance(dev_t dev);

// Of all terminals of a tree, those that are somebody else's.
class TerminalSearch
{
  public:
    // `pidfd` is of the process that has the descriptor.
    void add(const Facts &facts, int pidfd);
    void finish(const DumpOptions &options, std::vector<Blocker> &out) const;

  private:
    bool has_master(const Terminal &terminal) const;

    std::set<PtyId> masters_;
    struct Slave {
        Facts facts;
        Terminal terminal;
    };
    std::vector<Slave> slaves_;
};

// On restore: which pseudo terminal it is; nothing for others, and for a slave that has hung up.
std::optional<PtyId> pty_of(const img::tty_info_entry &info);
bool is_master(const img::tty_info_entry &info);
bool is_hung_up(const img::tty_info_entry &info);
// A console, virtual terminal or serial line: there wherever such a machine is.
bool is_of_machine(img::TtyType type);
bool is_of_machine(const img::tty_info_entry &info);
// Of an entry that this program makes up.
void nobody(img::fown_entry &owner);

} // namespace cr::files
