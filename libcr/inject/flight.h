// Threads that are still on their way out of an earlier capture.
//
// When a capture is killed, its threads find their way back by themselves (run.h), as soon as they get a
// processor. Until then their registers and their code are in the pad, so nothing there may be overwritten,
// and what is seen of them is not their own state. The next capture meets such threads in two ways:
//   - the instruction pointer is in the pad;
//   - a signal handler was let in by the code in the pad and has not returned: then the frame that it will
//   return
//     through is on the stack. That is looked for only when the pad's header says that a capture did not end
//     well.
// Such a thread is let run until it is out.
#pragma once

#include "libcr/inject/pad.h"
#include "libcr/inject/thread.h"

namespace cr::inject
{

bool is_in_flight(const FrozenThread &thread, const Pad &pad);

} // namespace cr::inject
