#include "rpc_socket.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <sys/socket.h>
#include <sys/syscall.h>

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

void send_response(int socket, const img::criu_resp &response)
{
    std::string bytes = response.SerializeAsString();
    sys::check(sys::call(SYS_sendto, socket, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0),
               "send a response");
}

bool notify(int socket, const std::string &point, pid_t root)
{
    img::criu_resp response;
    response.set_type(img::NOTIFY);
    response.set_success(true);
    response.mutable_notify()->set_script(point);
    if (root)
        response.mutable_notify()->set_pid(root);
    send_response(socket, response);
    auto answer = receive_request(socket);
    return answer && answer->type() == img::NOTIFY && answer->notify_success();
}

} // namespace cr::tools
