// Programs of the user's that run at named points of a dump or restore (CRIU's names and environment):
//   CRTOOLS_SCRIPT_ACTION  the point that was reached
//   CRTOOLS_IMAGE_DIR      the image directory, as a descriptor of ours in /proc
//   CRTOOLS_INIT_PID       the root task as this machine sees it, when there is one
// They get our stderr as their stdout, since ours may carry the session, and none of our signal settings.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace cr::tools
{

class ActionScripts
{
  public:
    // Both descriptors are borrowed. `client`: a socket of CRIU's RPC, whose client is told, too, and whose
    // refusal counts like a script that ends with 1; -1: none.
    ActionScripts(std::vector<std::string> paths, int images, int client = -1)
        : paths_(std::move(paths)), images_(images), client_(client)
    {
    }

    // Runs each in order until one ends with something else than 0, which is returned; a death by a signal is
    // 128 and more. Throws when one cannot be started.
    int run(const std::string &action, pid_t root = 0) const;
    // For points where a failing script is a failure of ours.
    void must(const std::string &action, pid_t root = 0) const;

  private:
    std::vector<std::string> paths_;
    int images_, client_;
};

} // namespace cr::tools
