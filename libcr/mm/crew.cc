#include "libcr/mm/crew.h"

#include "libcr/base/thread.h"

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace cr::mm
{

void together(const std::function<void()> &work)
{
    std::mutex mutex;
    std::exception_ptr first;
    auto guarded = [&] {
        try {
            work();
        } catch (...) {
            std::lock_guard lock(mutex);
            if (!first)
                first = std::current_exception();
        }
    };
    std::thread helpers[kCrewSize - 1];
    for (auto &helper : helpers) {
        try {
            helper = start_thread(guarded);
        } catch (const std::system_error &) {
            break; // no more threads allowed: what runs already does it alone
        }
    }
    guarded();
    for (auto &helper : helpers)
        if (helper.joinable())
            helper.join();
    if (first)
        std::rethrow_exception(first);
}

} // namespace cr::mm
