// How a number is best read: addresses in hex, flag words as the names of their flags, addresses of the
// network as such. One table from field to format; what is not in it is a plain number.
#pragma once

#include "libcr/show/descriptors.h"

#include <cstdint>
#include <optional>
#include <string>

namespace cr::show
{

// Nothing when the field's numbers are best read as they are.
std::optional<std::string> symbolic(const FieldDescriptor &field, uint64_t value);

// A repeated field that is one IP address in network order: four bytes or sixteen.
bool is_ip_address(const FieldDescriptor &field);
std::string ip_address(const std::vector<uint32_t> &words);

} // namespace cr::show
