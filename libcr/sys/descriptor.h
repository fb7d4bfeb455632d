// Descriptors of other tasks and what fcntl knows of an open file description.
// Results are what the kernel returns or -errno; try_ names say so.
#pragma once

#include "libcr/base/fd.h"

#include <cstdint>
#include <fcntl.h>
#include <sys/types.h>

namespace cr::sys
{

// A pidfd, also of a thread that is no main thread. Throws "cannot open a pidfd" (the subject says of whom).
Fd pidfd_open(pid_t pid);
// A copy of descriptor `number` of the process behind `pidfd`, close-on-exec. Needs ptrace access to it.
long try_pidfd_getfd(int pidfd, int number);

// <0, 0, >0 as the descriptions a and b compare in the kernel's (random, but fixed) order. Throws.
int kcmp_file(pid_t pid_a, int a, pid_t pid_b, int b);
// Whether descriptor `number` of the task is the target `offset` with number `tfd` of its epoll `epoll_fd`.
bool is_epoll_target(pid_t pid, int number, pid_t epoll_pid, int epoll_fd, uint32_t tfd, uint32_t offset);

long try_fcntl(int fd, int command, uint64_t argument = 0);
long try_ioctl(int fd, unsigned long request, void *argument);
// One more open description of the file behind `fd` of this process. Throws.
Fd reopen(int fd, int flags);
// Puts `fd` at `number` (closing what was there), close-on-exec.
void move_to(Fd &fd, int number);

// Lets this process have as many descriptors as it may.
void raise_descriptor_limit();

} // namespace cr::sys
