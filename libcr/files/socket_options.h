// What setsockopt(2) sets on a socket of any family, as one table: read at dump, set at restore, in the order
// in which that works.
#pragma once

#include "sk-opts.pb.h"

#include <cstdint>

namespace cr::files
{

void capture_buffer_sizes(int fd, img::sk_opts_entry &to);
// All others that CRIU's messages have a field for.
void capture_options(int fd, img::sk_opts_entry &to);
// Those that are as on a new socket are not touched, since some need CAP_NET_ADMIN.
void apply_options(int fd, const img::sk_opts_entry &from);
// The value of an option of SOL_SOCKET. Throws.
int socket_option(int fd, int name);
// Lets the socket send `bytes` at once, whatever its limit; returns that limit for set_send_buffer().
int widen_send_buffer(int fd, uint64_t bytes);
void set_send_buffer(int fd, int as_read);

} // namespace cr::files
