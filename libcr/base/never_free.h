// For large things that a process needs until just before its end: to take them apart takes time that somebody waits
// for, and the kernel does it in one go.
#pragma once

#include <utility>

namespace cr
{

template <class T> void never_free(T value)
{
    [[maybe_unused]] static const T *kept; // so that no leak checker takes it for lost
    kept = new T(std::move(value));
}

} // namespace cr
