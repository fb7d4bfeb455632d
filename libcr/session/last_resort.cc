#include "libcr/session/last_resort.h"

#include <csignal>

namespace cr::session
{

LastResort::LastResort(std::chrono::seconds limit) : limit_(limit)
{
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGKILL;
    there_ = ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
    begin_anew();
}

void LastResort::begin_anew()
{
    itimerspec when{};
    when.it_value.tv_sec = limit_.count();
    if (there_)
        ::timer_settime(timer_, 0, &when, nullptr);
}

LastResort::~LastResort()
{
    if (there_)
        ::timer_delete(timer_);
}

} // namespace cr::session
