// Messages of CRIU's RPC on a SOCK_SEQPACKET socket: one message is one packet.
#pragma once

#include "rpc.pb.h"

#include <optional>
#include <string>

namespace cr::tools
{

// Nothing when the other side has closed it. What is no message, or too long for one, is an error of kind
// Image.
std::optional<img::criu_req> receive_request(int socket);
void send_response(int socket, const img::criu_resp &response, int given = -1);

// Tells the client that a point was reached, and waits for its answer: did it agree? `given`: a descriptor that
// it gets with that; -1: none.
bool notify(int socket, const std::string &point, pid_t root, int given = -1);

} // namespace cr::tools
