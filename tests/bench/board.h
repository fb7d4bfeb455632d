// The page that a target shows itself in: shared with the driver (harness/target.py has the same layout).
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct board {
    _Atomic uint64_t ready;  // set once all is set up
    _Atomic uint64_t spin;   // asked of the target: read the clock without end, or sleep
    _Atomic uint64_t reset;  // asked of it: forget the largest gap; back to 0 when done
    _Atomic uint64_t beats;  // readings so far
    _Atomic uint64_t gap_ns; // largest distance between two readings since the last reset
};
