#include "libcr/sys/end_signals.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

namespace cr::sys
{

EndSignals::EndSignals()
{
    sigset_t set;
    sigemptyset(&set);
    for (int signal : kEndSignals)
        sigaddset(&set, signal);
    sys::check(call(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, 8), "block signals");
    fd_ = Fd(static_cast<int>(sys::check(call(SYS_signalfd4, -1, &set, 8, SFD_CLOEXEC | SFD_NONBLOCK), "watch for signals")));
}

void EndSignals::wait(std::chrono::milliseconds time) const
{
    pollfd come{fd_.get(), POLLIN, 0};
    if (call(SYS_poll, &come, 1, static_cast<int>(time.count())) <= 0)
        return;
    sigset_t pending;
    sigemptyset(&pending);
    call(SYS_rt_sigpending, &pending, 8);
    for (int signal : kEndSignals)
        if (sigismember(&pending, signal))
            failed_with(0, cat("go on: ended by signal ", signal));
}

} // namespace cr::sys
