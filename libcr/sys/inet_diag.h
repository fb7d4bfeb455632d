// What is left of TCP connections whose process has ended: they keep a port busy for a minute (TIME_WAIT),
// and the kernel ends them at once when it is asked to (sock_diag(7), SOCK_DESTROY).
#pragma once

#include <cstdint>

namespace cr::sys
{

// Ends the connections of nobody, closed by both sides, that have the local port `port`. Kernels that cannot
// do that leave them.
void end_remains(int family, uint16_t port);

} // namespace cr::sys
