// The kinds, each defined in its own file.
#pragma once

#include "libcr/files/kind.h"

namespace cr::files
{

extern const Kind kReg, kPipe, kFifo, kEventfd, kEventpoll, kSignalfd, kTimerfd, kTty, kInotify, kMemfd,
    kPidfd, kUnixSocket, kInetSocket, kNetlinkSocket, kPacketSocket, kFanotify, kBpfMap, kNsFile, kPluginFile;

} // namespace cr::files
