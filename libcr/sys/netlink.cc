#include "libcr/sys/netlink.h"

#include "libcr/base/error.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <arpa/inet.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/syscall.h>
#include <vector>

namespace cr::sys
{

namespace
{

std::shared_ptr<nl_msg> allocate(size_t size)
{
    std::shared_ptr<nl_msg> message(::nlmsg_alloc_size(NLMSG_HDRLEN + size), ::nlmsg_free);
    if (!message)
        throw std::bad_alloc();
    return message;
}

// All that libnl has to say of building is that there is no room.
void built(int result)
{
    if (result < 0)
        failed_with(EMSGSIZE, "build a netlink message");
}

} // namespace

Attributes::Attributes() : message_(allocate(UINT16_MAX)) {}

Attributes &Attributes::bytes(uint16_t type, std::string_view value)
{
    built(::nla_put(message_.get(), type, static_cast<int>(value.size()), value.data()));
    return *this;
}

Attributes &Attributes::text(uint16_t type, std::string_view value)
{
    built(::nla_put_string(message_.get(), type, std::string(value).c_str()));
    return *this;
}

Attributes &Attributes::number(uint16_t type, uint32_t value)
{
    built(::nla_put_u32(message_.get(), type, htonl(value)));
    return *this;
}

Attributes &Attributes::nested(uint16_t type, const Attributes &inner)
{
    return bytes(static_cast<uint16_t>(type | NLA_F_NESTED), inner.data());
}

std::string_view Attributes::data() const
{
    const nlmsghdr *header = ::nlmsg_hdr(message_.get());
    return {static_cast<const char *>(::nlmsg_data(header)), static_cast<size_t>(::nlmsg_datalen(header))};
}

std::string netlink_message(uint16_t type, uint16_t flags, uint32_t sequence, std::string_view head,
                            std::string_view attributes)
{
    auto message = allocate(NLMSG_ALIGN(head.size()) + NLMSG_ALIGN(attributes.size()));
    // A port of 0 is libnl's word for one that it chooses itself, and does not here.
    nlmsghdr *header = ::nlmsg_put(message.get(), 0, sequence, type, 0, flags);
    for (std::string_view part : {head, attributes})
        built(::nlmsg_append(message.get(), const_cast<char *>(part.data()), part.size(), NLMSG_ALIGNTO));
    return {reinterpret_cast<const char *>(header), NLMSG_ALIGN(header->nlmsg_len)};
}

long netlink_answers(int socket, const std::function<void(const nlmsghdr &)> &see)
{
    std::vector<char> buffer(256 << 10);
    for (;;) {
        long n = call(SYS_recvfrom, socket, buffer.data(), buffer.size(), 0, 0, 0);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n ? n : -EIO;
        int left = static_cast<int>(n);
        for (auto *message = reinterpret_cast<nlmsghdr *>(buffer.data()); ::nlmsg_ok(message, left);
             message = ::nlmsg_next(message, &left)) {
            if (message->nlmsg_type == NLMSG_DONE)
                return 0;
            if (message->nlmsg_type != NLMSG_ERROR) {
                see(*message);
                continue;
            }
            auto *error = static_cast<const nlmsgerr *>(netlink_head(*message, sizeof(nlmsgerr)));
            return error ? error->error : -EIO;
        }
    }
}

const void *netlink_head(const nlmsghdr &message, size_t size)
{
    return ::nlmsg_valid_hdr(&message, static_cast<int>(size)) ? ::nlmsg_data(&message) : nullptr;
}

void netlink_attributes(const nlmsghdr &message, size_t head,
                        const std::function<void(uint16_t type, std::string_view value)> &see)
{
    int left = ::nlmsg_attrlen(&message, static_cast<int>(head));
    const nlattr *attribute = ::nlmsg_attrdata(&message, static_cast<int>(head));
    for (; ::nla_ok(attribute, left); attribute = ::nla_next(attribute, &left))
        see(static_cast<uint16_t>(::nla_type(attribute)),
            {static_cast<const char *>(::nla_data(attribute)), static_cast<size_t>(::nla_len(attribute))});
}

} // namespace cr::sys
