// The answer to a descriptor that no kind claims: what it is, in words, and what can be done about it.
#pragma once

#include "libcr/base/blocker.h"
#include "libcr/files/facts.h"

#include <string>
#include <utility>
#include <vector>

namespace cr::files
{

Blocker unsupported(const Facts &facts);

// What a refused kind is called, and the words with which it is.
std::vector<std::pair<std::string, std::string>> all_unsupported();

} // namespace cr::files
