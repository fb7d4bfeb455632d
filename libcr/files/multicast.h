// The groups that an internet socket has joined, with their filters of senders. No call lists them. But of a
// group and an interface a socket tells its filter (MCAST_MSFILTER), or that it is no member; and which groups
// somebody is a member of at all stands in /proc/net/igmp and igmp6. So each socket is asked about each of these.
//
// Interfaces are stored by their names.
#pragma once

#include "sk-inet.pb.h"

#include <string>
#include <vector>

namespace cr::files
{

class MulticastGroups
{
  public:
    // Those that this network namespace has now.
    static MulticastGroups read();
    // The texts of /proc/net/igmp and /proc/net/igmp6.
    static MulticastGroups parse(std::string_view igmp, std::string_view igmp6);

    struct Group {
        int level; // IPPROTO_IP, IPPROTO_IPV6
        uint32_t interface;
        std::string address; // sockaddr
    };
    const std::vector<Group> &all() const { return all_; }
    // Adds what the socket is a member of.
    void capture(int fd, img::inet_sk_entry &to) const;

  private:
    std::vector<Group> all_;
};

void check_memberships(const img::inet_sk_entry &from);
void join_groups(int fd, const img::inet_sk_entry &from);

} // namespace cr::files
