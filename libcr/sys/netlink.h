// Messages of netlink(7): libnl builds them and takes them apart, they go through our own gate. Types of
// messages and attributes are those of the kernel's headers, for each family its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct nl_msg;
struct nlmsghdr;

namespace cr::sys
{

template <class T> std::string_view bytes_of(const T &value)
{
    return {reinterpret_cast<const char *>(&value), sizeof value};
}

// What is in an attribute; zeros where it is shorter, as those of older kernels are.
template <class T> T value_as(std::string_view attribute)
{
    T out{};
    std::memcpy(&out, attribute.data(), std::min(attribute.size(), sizeof out));
    return out;
}

// No more than 64 KiB of them.
class Attributes
{
  public:
    Attributes();
    Attributes(Attributes &&) = default;
    Attributes &bytes(uint16_t type, std::string_view value);
    Attributes &text(uint16_t type, std::string_view value); // ended by NUL
    Attributes &number(uint16_t type, uint32_t value);       // in network order
    Attributes &nested(uint16_t type, const Attributes &inner);
    std::string_view data() const;

  private:
    std::shared_ptr<nl_msg> message_;
};

// One message; `head` is what its family puts before the attributes.
std::string netlink_message(uint16_t type, uint16_t flags, uint32_t sequence, std::string_view head,
                            std::string_view attributes = {});

// Has `see` look at each message that comes, until the end of a dump (0) or the kernel's word on a request: 0
// or -errno.
long netlink_answers(int socket, const std::function<void(const nlmsghdr &)> &see);

// What comes right behind the header; null when the message is too short for it.
const void *netlink_head(const nlmsghdr &message, size_t size);
// Attributes behind a head of that size.
void netlink_attributes(const nlmsghdr &message, size_t head,
                        const std::function<void(uint16_t type, std::string_view value)> &see);

} // namespace cr::sys
