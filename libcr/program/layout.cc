#include "libcr/program/layout.h"

#include "libcr/program/player.h"
#include "pie/ops.h"

namespace cr::program
{

namespace
{

uint64_t align_up(uint64_t n, uint64_t align) { return (n + align - 1) / align * align; }

} // namespace

bool Layout::makes_result(const Program::Op &op)
{
    return op.code == CR_OP_SYS || op.code == CR_OP_CLONE ||
           (op.code == CR_OP_COPY8 && op.flags & Program::kLoads);
}

uint64_t Layout::length(const Program::Op &op) { return CR_OP_HEAD + op.words.size() * 8; }

Layout::Layout(const Region &region)
{
    uint64_t at = align_up(player_code().size(), 8);
    for (size_t i = 0; i < region.words_.size(); i++, at += 4)
        words.push_back(at);
    at = align_up(at, 8);
    for (size_t i = 0; i < region.programs_.size(); i++, at += sizeof(cr_fail_record))
        fail_records.push_back(at);
    for (const auto &blob : region.blobs_) {
        at = align_up(at, blob.align);
        blobs.push_back(at);
        at += blob.bytes.size();
    }
    at = align_up(at, 8);
    programs.resize(region.programs_.size());
    for (size_t i = 0; i < region.programs_.size(); i++)
        if (region.programs_[i])
            place_program(*region.programs_[i], at, programs[i]);
    size = page_up(at + 8); // the player may read one word too far
}

void Layout::place_program(const Program &program, uint64_t &at, std::vector<PlacedOp> &ops)
{
    const auto &source = program.ops_;
    struct Uses {
        uint32_t by_value = 0, by_address = 0;
        bool direct() const { return by_value == 1 && !by_address; }
    };
    auto each_use = [&](auto &&use) {
        for (size_t i = 0; i < source.size(); i++)
            for (size_t w = 0; w < source[i].words.size(); w++)
                if (source[i].words[w].kind == Value::Kind::Result)
                    use(i, w, source[i].words[w].index, source[i].code == CR_OP_COPY8 && !(source[i].flags & Program::kLoads) && w == 1);
    };
    std::vector<Uses> uses(source.size());
    each_use([&](size_t, size_t, uint32_t of, bool address) {
        (address ? uses[of].by_address : uses[of].by_value)++;
    });

    ops.resize(source.size());
    for (size_t i = 0; i < source.size(); i++)
        if (makes_result(source[i]) && !uses[i].direct()) {
            ops[i].result = at;
            at += 8;
        }
    for (size_t i = 0; i < source.size(); i++) {
        ops[i].at = at;
        at += length(source[i]) + (uses[i].direct() ? 0 : uses[i].by_value * kCopyLength);
    }
    each_use([&](size_t i, size_t w, uint32_t of, bool address) {
        uint64_t word = ops[i].at + CR_OP_HEAD + w * 8;
        if (address)
            return;
        if (uses[of].direct())
            ops[of].result = word;
        else
            ops[of].copies_to.push_back(word);
    });
}

} // namespace cr::program
