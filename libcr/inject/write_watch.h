// The descriptor by which writes of a task are held back (userfaultfd(2)). Only the task itself can make it;
// it is taken over while the task stands still, and closed in there by the very program that made it, so that
// the task never keeps it, whenever we die.
#pragma once

#include "libcr/inject/freeze.h"

namespace cr::inject
{

// Empty when the task may not have one (`why` tells).
Fd take_userfaultfd(FrozenTask &task, const Waiter &waiter, std::string &why);

} // namespace cr::inject
