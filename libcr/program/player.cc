#include "libcr/program/player.h"

extern "C" {
extern const uint8_t cr_player_begin[], cr_player_end[];
}

namespace cr::program
{

std::span<const uint8_t> player_code() { return {cr_player_begin, cr_player_end}; }

} // namespace cr::program
