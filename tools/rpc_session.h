// One connection of CRIU's RPC: requests in, responses out, until its work is done.
#pragma once

namespace cr::tools
{

enum class Served { Inherited, Accepted }; // swrk: the client started us; service: it connected

// Takes the socket over. 0 when the last request was served well. What a request asks to become after it is
// executed in this process.
int serve(int socket, Served how);

} // namespace cr::tools
