// Message queues of POSIX (mq_overview(7)): regular files of a file system that the kernel has for each IPC
// namespace, mounted or not, so that their names as descriptors of mq_open(2) have them ("/NAME") lead
// nowhere. Where it is mounted at /dev/mqueue they are opened there again; their messages are the queue's and
// stay in it. What is in one without a name ends with the tree.
#pragma once

#include "libcr/files/unnamed.h"

namespace cr::files
{

// `via` opens the file.
bool is_message_queue(const Facts &facts, const std::string &via);
FoundName find_message_queue(const Facts &facts, const std::string &via);

} // namespace cr::files
