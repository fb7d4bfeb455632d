// Changes of the packet filter (nftables), by raw messages to the kernel (nfnetlink): what is put into one
// Transaction happens as a whole or not at all.
//
// A table that is made as owned belongs to the netlink socket it was made by: nobody else may change or
// remove it, and it is gone with the last descriptor of that socket, whatever ended its holders.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/sys/netlink.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cr::sys
{

// A netlink socket that transactions go through. Throws.
Fd open_nftables();

class Transaction
{
  public:
    Transaction();
    // `type`: NFT_MSG_NEWTABLE and the like, in the family inet; attributes are those of
    // linux/netfilter/nf_tables.h.
    void add(uint16_t type, uint16_t flags, const Attributes &attributes);
    // 0, or the first -errno of what the kernel says of it.
    long run(int socket);

  private:
    void put(uint16_t type, uint16_t flags, uint8_t family, uint16_t resource, std::string_view attributes);
    std::string messages_;
    size_t last_ = 0;
    uint32_t sequence_ = 0;
};

} // namespace cr::sys
