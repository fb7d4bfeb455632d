// Threads of a stage, which speak (log.h) as the one that starts them.
#pragma once

#include "libcr/base/log.h"

#include <string>
#include <thread>
#include <utility>

namespace cr
{

// `work` for another thread, where it speaks as this one.
template <class Work> auto speaking(Work work)
{
    return [tool = log::tool(), work = std::move(work)]() mutable {
        log::speak_as(std::move(tool));
        work();
    };
}

// Throws std::system_error when no more threads are allowed.
template <class Work> std::thread start_thread(Work work) { return std::thread(speaking(std::move(work))); }

} // namespace cr
