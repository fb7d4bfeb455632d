// The player's machine code, position independent, as it is copied into a task (pie/player.S).
#pragma once

#include <cstdint>
#include <span>

namespace cr::program
{

// Entered at its first byte with rbx, r13, r14 as pie/ops.h says.
std::span<const uint8_t> player_code();

} // namespace cr::program
