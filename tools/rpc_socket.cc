#include "rpc_socket.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <cstring>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

namespace cr::tools
{

namespace
{

constexpr long kLongest = 1 << 20;

long receive(int socket, std::string &buffer, int flags)
{
    long n;
    do
        n = sys::call(SYS_recvfrom, socket, buffer.data(), buffer.size(), flags, nullptr, nullptr);
    while (n == -EINTR);
    return n;
}

} // namespace

std::optional<img::criu_req> receive_request(int socket)
{
    std::string bytes(1, '\0');
    long size = receive(socket, bytes, MSG_PEEK | MSG_TRUNC);
    if (size == 0 || size == -ECONNRESET)
        return std::nullopt;
    sys::check(size, "receive a request");
    bytes.resize(static_cast<size_t>(std::min(size, kLongest)));
    sys::check(receive(socket, bytes, 0), "receive a request");
    img::criu_req request;
    if (size > kLongest || !request.ParseFromString(bytes))
        bad_image(cat("a packet of ", size, " bytes is no request"));
    return request;
}

void send_response(int socket, const img::criu_resp &response, int given)
{
    std::string bytes = response.SerializeAsString();
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (given >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof given);
        std::memcpy(CMSG_DATA(header), &given, sizeof given);
    }
    sys::check(sys::call(SYS_sendmsg, socket, &message, MSG_NOSIGNAL), "send a response");
}

bool notify(int socket, const std::string &point, pid_t root, int given)
{
    img::criu_resp response;
    response.set_type(img::NOTIFY);
    response.set_success(true);
    response.mutable_notify()->set_script(point);
    if (root)
        response.mutable_notify()->set_pid(root);
    send_response(socket, response, given);
    auto answer = receive_request(socket);
    return answer && answer->type() == img::NOTIFY && answer->notify_success();
}

} // namespace cr::tools
