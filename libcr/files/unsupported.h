// The answer to a descriptor that no kind claims: what it is, in words, and what can be done about it.
#pragma once

#include "libcr/base/blocker.h"
#include "libcr/files/facts.h"

namespace cr::files
{

Blocker unsupported(const Facts &facts);

} // namespace cr::files
