// How a stage and the holder find and treat each other: the holder's session descriptor, taken by pidfd_getfd
// (no path, no name), and the manners that all processes of a session keep.
#pragma once

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "session.pb.h"

#include <string>

namespace cr::session
{

// The stream ended before it began: whoever should have begun it has said why.
struct NoSession {
};

class HolderLink
{
  public:
    explicit HolderLink(const img::session_hello &hello);
    // Should this process end before the session does, the holder undoes everything.
    void watch_me();
    // Sends a request that has no answer.
    void tell(const img::session_request &request);
    // Sends a request that has an answer, and waits for it. Throws when the holder is gone.
    img::session_reply ask(const img::session_request &request);
    // A copy of one of its descriptors.
    Fd take(int fd) const;
    // Readable when the holder has ended.
    const Fd &holder() const { return pidfd_; }

  private:
    Fd pidfd_, socket_;
};

// A session stream in a terminal helps nobody: says what to pipe it into.
void refuse_terminal_output(int fd, const std::string &tool);
void refuse_terminal_input(int fd, const std::string &tool);

// While a tree is held, a stopped process of the session would be an eternal freeze: SIGTSTP, SIGTTIN and
// SIGTTOU are blocked, SIGPIPE ignored.
void block_stop_signals();

// The log of the session, as the first stage has set it up.
void join_log(const img::session_hello &hello);

img::session_failure to_record(const std::string &stage, const Error &error);
Error to_error(const img::session_failure &failure);

} // namespace cr::session
