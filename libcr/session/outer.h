// TCP connections that lead out of the tree, and how a dump ends that kills the tree: their peers hear
// nothing of it until they are restored. From the commit on, in this order, by the holder or, should that be
// gone, by cr-thaw:
//   1. a lasting network lock takes the place of the one that ends with us (net/lock.h)
//   2. every connection goes into repair mode, in which a socket is closed without a word
//   3. the tasks are killed
//   4. our copies of the sockets are closed
#pragma once

#include "libcr/base/fd.h"
#include "libcr/image/dir.h"
#include "libcr/net/lock.h"
#include "session.pb.h"

#include <string>
#include <vector>

namespace cr::session
{

// The lock of a dump that is not committed. Throws.
void lock_for_dump(int nftables, const std::string &run_id, const img::session_connections &connections);
// Step 1. When it cannot be done the dump is taken back: throws, and the inventory is gone.
void lock_for_good(const image::Dir &committed, int nftables, const std::string &run_id,
                   const img::session_connections &connections);

// Steps 2 and 4: from its beginning to its end the tasks are to be killed, and must have ended.
class QuietEnd
{
  public:
    explicit QuietEnd(const img::session_connections &connections);

  private:
    std::vector<Fd> sockets_;
};

} // namespace cr::session
