// What /proc says of a tree that is not held (yet): the questions asked again and again while freezing. What
// is gone in the meantime has no threads and no children.
#pragma once

#include "libcr/proc/stat.h"
#include "libcr/proc/status.h"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cr::inject
{

std::vector<pid_t> thread_ids(pid_t pid);
// Children of all its threads; of one.
std::vector<pid_t> children_of(pid_t pid);
std::vector<pid_t> children_of(pid_t pid, pid_t tid);
std::optional<proc::Stat> stat_of(pid_t pid);
std::optional<proc::Stat> stat_of(pid_t pid, pid_t tid);
// Waits until a thread is in one of these states, or gone; half a second at most. Who looks at a tree as soon
// as a tool has ended shall find it so; nothing depends on it.
void see_state(pid_t pid, pid_t tid, std::string_view states);
std::optional<proc::Status> status_of(pid_t pid, pid_t tid);
// "bash", empty when it is gone.
std::string name_of(pid_t pid);
// "pid 42 (bash)"
std::string subject_of(pid_t pid);
// Where in the kernel it sleeps, for people: "folio_wait_bit", may be empty.
std::string wchan_of(pid_t pid, pid_t tid);

} // namespace cr::inject
