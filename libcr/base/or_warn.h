// Work that comes when what counts is done: when it fails, that is told, and no failure of the whole.
#pragma once

#include "libcr/base/error.h"
#include "libcr/base/log.h"

namespace cr
{

template <class Work> void or_warn(const Work &work)
{
    try {
        work();
    } catch (const Error &error) {
        log::warning(error.what());
    }
}

} // namespace cr
