// Processes that stand in for others while sockets are made: the kernel notes who connects, listens or makes
// a pair (SO_PEERCRED, SO_PEERGROUPS) at that call, by its process id and credentials, and there is no way to
// set it. So for each of those a process is made with that id and those ids, which has our descriptors and
// does nothing but these calls; before the tasks of the tree are born all of them are gone, and their ids are
// free again. What the kernel has noted stays. A descriptor of that process (SO_PEERPIDFD) is not to be had
// any more.
#pragma once

#include "libcr/base/fd.h"
#include "sk-unix.pb.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>

namespace cr::files
{

// What SO_PEERCRED and SO_PEERGROUPS of a socket tell; false when there is nobody.
bool capture_peer_credentials(int fd, img::cr_credentials &to);

class StandIns
{
  public:
    using Aside = std::function<Fd(int)>;
    // `aside` moves a descriptor to where it is in nobody's way.
    explicit StandIns(Aside aside);
    ~StandIns();

    // Each as those credentials say, or, when they are null or cannot be had (which is told), as ourselves.
    std::pair<Fd, Fd> pair(const img::cr_credentials *who, int type);
    void listen(const img::cr_credentials *who, int fd, uint32_t backlog);
    void connect(const img::cr_credentials *who, int fd, const std::string &address);
    // All of them are gone when this returns.
    void end();

  private:
    struct Request;
    struct Answer;
    class Process;
    static Answer work(const Request &request);
    [[noreturn]] static void serve(int socket, const img::cr_credentials &who, pid_t parent);
    Answer ask(const img::cr_credentials *who, const Request &request);
    Process *of(const img::cr_credentials &who);

    Aside aside_;
    std::map<pid_t, std::unique_ptr<Process>> processes_; // by their ids
};

} // namespace cr::files
