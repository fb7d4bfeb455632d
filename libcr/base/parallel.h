// The same work for many objects, on a few threads. For work that mostly waits inside the kernel on one
// object after another (a /proc file per descriptor), where a second processor halves the time of a freeze.
#pragma once

#include "libcr/base/thread.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace cr
{

// Calls work(i) once for every i in [0, count), in blocks of neighbours. The first exception ends it and is
// thrown here. Small counts stay on the calling thread: a thread costs as much as some tens of calls.
template <class Work> void parallel_for(size_t count, const Work &work, size_t worth_a_thread = 200)
{
    const size_t block = 64;
    static const size_t most = std::min(std::thread::hardware_concurrency(), 4u); // asking reads a file
    size_t threads = std::min(count / worth_a_thread + 1, most);
    if (threads <= 1) {
        for (size_t i = 0; i < count; i++)
            work(i);
        return;
    }
    std::atomic<size_t> next = 0;
    std::mutex mutex;
    std::exception_ptr error;
    auto run = [&] {
        try {
            for (size_t first; (first = next.fetch_add(block)) < count;)
                for (size_t i = first; i < std::min(first + block, count); i++)
                    work(i);
        } catch (...) {
            std::lock_guard lock(mutex);
            if (!error)
                error = std::current_exception();
            next = count;
        }
    };
    std::vector<std::thread> pool;
    for (size_t i = 1; i < threads; i++)
        pool.push_back(start_thread(run));
    run();
    for (auto &thread : pool)
        thread.join();
    if (error)
        std::rethrow_exception(error);
}

// Calls both, in two threads when that is worth one. An exception of either is thrown here when both have ended.
template <class First, class Second> void side_by_side(bool worth_it, const First &first, const Second &second)
{
    std::exception_ptr error;
    auto guarded = [&] {
        try {
            first();
        } catch (...) {
            error = std::current_exception();
        }
    };
    std::thread other;
    try {
        if (worth_it)
            other = start_thread(guarded);
    } catch (const std::system_error &) { // no more threads allowed
    }
    if (!other.joinable())
        guarded();
    try {
        second();
    } catch (...) {
        if (other.joinable())
            other.join();
        throw;
    }
    if (other.joinable())
        other.join();
    if (error)
        std::rethrow_exception(error);
}

} // namespace cr
