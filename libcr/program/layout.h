// Where everything of a region lies, as offsets from its base: found once, before the base is known.
//
// The player has no way to say "argument 2 is what operation 7 returned". So the linker turns it round: the
// operation that makes a result stores it straight into the argument word of the operation that needs it.
// When several need it, or one needs its address, the result gets a slot of its own, and copies (COPY8) are
// put right behind the operation that makes it.
#pragma once

#include "libcr/program/program.h"

namespace cr::program
{

struct Layout {
    explicit Layout(const Region &region);

    struct PlacedOp {
        uint64_t at = 0;                 // its head
        uint64_t result = 0;             // where its result is kept, 0: nowhere (it has none)
        std::vector<uint64_t> copies_to; // words that get the result by a COPY8
    };

    static constexpr uint64_t kCopyLength = 16 + 2 * 8;
    static bool makes_result(const Program::Op &op);
    // Length in bytes of an operation, the copies behind it not counted.
    static uint64_t length(const Program::Op &op);

    std::vector<uint64_t> words, blobs, fail_records;
    std::vector<std::vector<PlacedOp>> programs;
    uint64_t size = 0;

  private:
    void place_program(const Program &program, uint64_t &at, std::vector<PlacedOp> &ops);
};

} // namespace cr::program
