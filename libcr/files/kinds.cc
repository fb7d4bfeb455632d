#include "libcr/files/kinds.h"

#include <algorithm>

namespace cr::files
{

namespace
{

// In the order of finish(): epolls need what all others have become.
constexpr const Kind *kTable[] = {
    &kReg, &kPipe,    &kFifo,  &kEventfd, &kSignalfd,   &kTimerfd,
    &kTty, &kInotify, &kMemfd, &kPidfd,   &kUnixSocket, &kInetSocket,
    &kNetlinkSocket, &kPacketSocket, &kFanotify, &kBpfMap, &kNsFile, &kEventpoll, &kPluginFile,
};

} // namespace

std::span<const Kind *const> kinds() { return kTable; }

const Kind *classify(const Facts &facts)
{
    auto found =
        std::find_if(std::begin(kTable), std::end(kTable), [&](auto *k) { return k->claims(facts); });
    return found == std::end(kTable) ? nullptr : *found;
}

const Kind *kind_of(img::fd_types type)
{
    auto found = std::find_if(std::begin(kTable), std::end(kTable), [&](auto *k) { return k->type == type; });
    return found == std::end(kTable) ? nullptr : *found;
}

} // namespace cr::files
