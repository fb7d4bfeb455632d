// The local descriptor table of a process that has one: few do, and it may be 64 KiB, so that it is read by
// calls of its own.
#pragma once

#include "libcr/inject/run.h"
#include "libcr/sys/ldt.h"

#include <string>

namespace cr::task
{

// As modify_ldt(2) reads it, without empty entries at the end.
std::string read_ldt(inject::FrozenTask &task, const inject::Waiter &waiter);

} // namespace cr::task
