// The first record of the session stream: the request as the other stages need it, and the beginnings of the
// inventory.
#pragma once

#include "libcr/session/freeze.h"
#include "session.pb.h"

namespace cr::session
{

// `session_fd`: number of the session socket in this process.
img::session_hello make_hello(const FreezeRequest &request, int session_fd);

} // namespace cr::session
