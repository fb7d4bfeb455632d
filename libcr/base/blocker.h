// Something that stands in the way of a dump, found before the tree is touched. All of them are collected and
// reported together, so that a user mends them in one go.
#pragma once

#include <string>
#include <vector>

namespace cr
{

struct Blocker {
    std::string subject; // "pid 42, fd 5 (/tmp/x)"
    std::string reason;  // "the file has been deleted"
    std::string remedy;  // what to do about it
};

} // namespace cr
