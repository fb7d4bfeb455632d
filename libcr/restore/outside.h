// State of a restored task that is set from outside, through /proc, once all tasks exist (children inherit it
// from their parents when they are cloned).
#pragma once

#include "libcr/restore/images.h"

namespace cr::restore
{

void set_from_outside(const TaskImage &task);
void set_autogroups(const ImageSet &images);

} // namespace cr::restore
