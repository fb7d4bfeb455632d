// Operations for the player (pie/ops.h) as bytes for a known address: what is played inside a stopped task,
// where every byte counts and results go to memory that is known beforehand.
#pragma once

#include "libcr/base/addr.h"
#include "pie/ops.h"

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

namespace cr::inject
{

struct Call {
    long nr = 0;
    std::vector<uint64_t> args;
    uint64_t result = 0;             // address for the result, 0: not wanted
    std::optional<int64_t> expected; // any other result is a failure
    uint64_t count = 1;              // how often; the steps are added to the arguments in between
    std::vector<uint64_t> steps;

    size_t size() const
    {
        return CR_OP_HEAD + 8 * (args.size() * (count > 1 ? 2 : 1) + (count > 1) + expected.has_value());
    }
};

class Encoder
{
  public:
    explicit Encoder(TargetAddr base) : base_(base) {}

    TargetAddr here() const { return base_ + bytes_.size(); }
    const std::vector<uint8_t> &bytes() const { return bytes_; }

    void word(uint64_t value)
    {
        size_t at = bytes_.size();
        bytes_.resize(at + 8);
        memcpy(bytes_.data() + at, &value, 8);
    }
    void set_word(TargetAddr at, uint64_t value) { memcpy(bytes_.data() + (at - base_), &value, 8); }

    // Each: the operation's address.
    TargetAddr call(const Call &call)
    {
        bool repeat = call.count > 1;
        uint8_t flags = (call.expected ? CR_OP_EXPECT : 0) | (repeat ? CR_OP_REPEAT : 0);
        TargetAddr at =
            head({CR_OP_SYS, static_cast<uint8_t>(call.args.size()), flags,
                  static_cast<uint8_t>(call.size() / 8), static_cast<uint32_t>(call.nr), call.result});
        for (uint64_t arg : call.args)
            word(arg);
        if (call.expected)
            word(static_cast<uint64_t>(*call.expected));
        if (repeat) {
            word(call.count);
            for (size_t i = 0; i < call.args.size(); i++)
                word(i < call.steps.size() ? call.steps[i] : 0);
        }
        return at;
    }
    TargetAddr jump(TargetAddr to) { return simple(CR_OP_JMP, {to.value}); }
    TargetAddr native(TargetAddr to) { return simple(CR_OP_NATIVE, {to.value}); }
    TargetAddr copy(TargetAddr to, TargetAddr from) { return simple(CR_OP_COPY8, {to.value, from.value}); }

  private:
    TargetAddr simple(uint8_t code, std::initializer_list<uint64_t> words)
    {
        TargetAddr at = head({code, 0, 0, static_cast<uint8_t>(2 + words.size()), 0, 0});
        for (uint64_t w : words)
            word(w);
        return at;
    }
    TargetAddr head(const cr_op_head &head)
    {
        TargetAddr at = here();
        bytes_.resize(bytes_.size() + sizeof head);
        memcpy(bytes_.data() + (at - base_), &head, sizeof head);
        return at;
    }

    TargetAddr base_;
    std::vector<uint8_t> bytes_;
};

} // namespace cr::inject
