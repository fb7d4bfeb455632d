// A message between the tools and what has plugins loaded, with one descriptor or none, as sendmsg(2) and recvmsg(2)
// take it. Both sides include it: it needs nothing of the library.
#pragma once

#include "libcr/plugin/wire.h"

#include <cstring>
#include <sys/socket.h>

namespace cr::plugin
{

class Envelope
{
  public:
    explicit Envelope(Message &message) : bytes_{&message, sizeof message}
    {
        header_.msg_iov = &bytes_;
        header_.msg_iovlen = 1;
        header_.msg_control = control_;
        header_.msg_controllen = sizeof control_;
    }
    Envelope(const Envelope &) = delete;
    Envelope &operator=(const Envelope &) = delete;

    // To be sent along; -1: none.
    void put(int fd)
    {
        if (fd < 0) {
            header_.msg_control = nullptr;
            header_.msg_controllen = 0;
            return;
        }
        cmsghdr *right = CMSG_FIRSTHDR(&header_);
        right->cmsg_level = SOL_SOCKET;
        right->cmsg_type = SCM_RIGHTS;
        right->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(right), &fd, sizeof fd);
    }
    // That came along; -1: none.
    int fd()
    {
        int out = -1;
        if (const cmsghdr *right = CMSG_FIRSTHDR(&header_); right && right->cmsg_type == SCM_RIGHTS)
            std::memcpy(&out, CMSG_DATA(right), sizeof out);
        return out;
    }
    msghdr *header() { return &header_; }

  private:
    iovec bytes_;
    alignas(cmsghdr) char control_[CMSG_SPACE(sizeof(int))] = {};
    msghdr header_{};
};

} // namespace cr::plugin
