// JSON strings out of names that the kernel and other people's programs made up: any bytes at all.
#pragma once

#include <string>
#include <string_view>

namespace cr
{

// With its quotes; bytes that are not UTF-8 become U+FFFD.
std::string json_quoted(std::string_view text);

} // namespace cr
