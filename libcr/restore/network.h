// The network lock of a restore, see net/lock.h: from before the first connection is made until no way leads
// back. The lasting one of the dump then goes, too; a restore that fails leaves it as it was.
#pragma once

#include "inventory.pb.h"
#include "libcr/base/fd.h"
#include "libcr/files/plan.h"

#include <string>

namespace cr::restore
{

class NetworkLock
{
  public:
    // Locks, where connections lead out of the images. Throws.
    NetworkLock(const img::inventory_entry &inventory, const files::Plan &files);
    // Whether there is an end to make.
    bool has_end() const { return has_connections_ || nftables_; }
    // Connections go on from here. What cannot be removed is warned of.
    void end();

  private:
    bool has_connections_ = false;
    std::string lasting_; // of the dump; empty: none
    std::string own_;
    Fd nftables_; // the lock is gone with it
};

// The table of the lasting lock that the images speak of; empty when there is none. Images are not trusted:
// it is never somebody else's.
std::string lasting_lock(const img::inventory_entry &inventory);

} // namespace cr::restore
