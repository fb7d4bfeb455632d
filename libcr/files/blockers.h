// Everything about the open files of a stopped task that stands in the way of a dump, found by looking only.
// Runs for the whole tree before any code does in a task; a dry run is this and nothing else, so that what a
// dry run accepts, a dump does not refuse later.
#pragma once

#include "libcr/files/carried.h"
#include "libcr/files/fact_reader.h"
#include "libcr/files/inet_socket.h"
#include "libcr/files/kind.h"
#include "libcr/files/pipe.h"
#include "libcr/files/tty.h"
#include "libcr/files/waiting.h"

#include <map>

namespace cr::files
{

struct OuterConnection {
    pid_t pid; // a descriptor of it
    int fd;
    std::string local, peer; // sockaddr
};

class BlockerSearch
{
  public:
    explicit BlockerSearch(const DumpOptions &options) : options_(options) {}
    // Descriptors, working and root directory of one process; appends to `out`.
    void look(pid_t pid, std::vector<Blocker> &out);
    // After all processes: what only the whole tree tells.
    void finish(std::vector<Blocker> &out);
    // After finish(), in a tree of which some threads have descriptors or directories of their own: those would have to
    // be there before the threads, and a file of a single thread after them.
    std::optional<Blocker> file_of_thread() const;
    // After finish(): TCP connections, open or being made, that are kept and lead out of the tree, each once.
    const std::vector<OuterConnection> &outer_connections() const { return outer_; }

  private:
    void find_locks(const TaskFiles &task, std::vector<Facts> &found);
    // Keeps what is judged with all others, at the end.
    void remember(const Facts &facts, int pidfd, std::vector<Blocker> &out);
    void look_at_carried(std::vector<Blocker> &out);

    const DumpOptions &options_;
    FactReader reader_;
    std::map<ino_t, PipeEnds> pipes_;
    std::map<uint32_t, Facts> unix_; // unix sockets by inode
    std::map<uint32_t, Facts> bpf_maps_; // by id
    std::optional<Facts> of_thread_;
    std::vector<std::pair<Facts, InetState>> inet_;
    TerminalSearch terminals_;
    Carried carried_;
    WaitingClients waiting_;
    std::vector<OuterConnection> outer_;

    void finish_connections(std::vector<Blocker> &out);
};

} // namespace cr::files
