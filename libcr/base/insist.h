// Beyond a point of no return: a step that fails is tried once more, as half a way helps nobody.
#pragma once

#include "libcr/base/error.h"

namespace cr
{

template <class Step> auto insist(const Step &step)
{
    try {
        return step();
    } catch (const Error &) {
        return step();
    }
}

} // namespace cr
