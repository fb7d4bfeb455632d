// Lists of the sockets of this network namespace, as the kernel gives them over netlink: sock_diag(7). One request
// for all sockets of a family and protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <map>

namespace cr::sys
{

// Asks with `body` (unix_diag_req, inet_diag_req_v2, packet_diag_req) for all, and hands each answer on. -errno
// of a kernel that has no such list.
long list_sockets(const void *body, size_t size, const std::function<void(const nlmsghdr *)> &see);

// Calls see(type, data, size) for each attribute behind `head`, which is what a message begins with.
template <class Head, class See> void for_attributes(const nlmsghdr *message, const Head *head, const See &see)
{
    auto *attribute = reinterpret_cast<const rtattr *>(head + 1);
    long left = static_cast<long>(message->nlmsg_len) - static_cast<long>(NLMSG_LENGTH(sizeof *head));
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
        see(attribute->rta_type, reinterpret_cast<const char *>(attribute) + RTA_LENGTH(0),
            static_cast<size_t>(attribute->rta_len) - RTA_LENGTH(0));
}

// Of the sockets of an internet family and protocol: by inode, what shutdown(2) has ended (bit 0: it receives no
// more, 1: it sends no more). Only those that have a port. Empty when the kernel tells nothing.
std::map<uint32_t, uint8_t> inet_shutdowns(int family, int protocol);

} // namespace cr::sys
