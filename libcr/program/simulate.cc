#include "libcr/program/simulate.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/program/print.h"
#include "pie/ops.h"

#include <cstring>
#include <sys/syscall.h>

namespace cr::program
{

Simulator::Simulator(const Region &region, TargetAddr base)
    : region_(region), base_(base), bytes_(region.link(base))
{
}

template <class T> T Simulator::load(uint64_t address) const
{
    uint64_t offset = address - base_.value;
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T))
        usage(cat("a program reads at 0x", hex(address), ", outside of its region"));
    T value;
    memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
}

template <class T> void Simulator::store(uint64_t address, T value)
{
    load<T>(address);
    memcpy(bytes_.data() + (address - base_.value), &value, sizeof value);
}

void Simulator::run(ProgramId entry, ProgramId on_failure)
{
    contexts_ = {{base_.value + region_.offset_of(entry), base_.value + region_.offset_of(on_failure), 0}};
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < contexts_.size(); i++) {
            // A clone adds contexts: step() is given a copy.
            Context context = contexts_[i];
            context.waiting = false;
            while (!context.ended && !context.waiting) {
                step(context);
                moved |= !context.waiting;
            }
            contexts_[i] = context;
        }
    }
    for (const Context &context : contexts_)
        if (!context.ended)
            usage(cat("a program waits for ever at 0x", hex(context.op)));
}

void Simulator::step(Context &context)
{
    auto head = load<cr_op_head>(context.op);
    auto word = [&](int n) { return load<uint64_t>(context.op + CR_OP_HEAD + static_cast<uint64_t>(n) * 8); };
    uint64_t next = context.op + head.words * 8u;
    switch (head.code) {
    case CR_OP_SYS:
    case CR_OP_CLONE:
        return call(context);
    case CR_OP_JMP:
        context.op = word(0);
        return;
    case CR_OP_NATIVE:
        context.ended = true;
        return;
    case CR_OP_COPY8:
        store(word(0), load<uint64_t>(word(1)));
        break;
    case CR_OP_ADD:
        store(word(0), load<uint32_t>(word(0)) + static_cast<uint32_t>(word(1)));
        break;
    case CR_OP_WAIT:
        if (load<uint32_t>(word(0)) < static_cast<uint32_t>(word(1))) {
            context.waiting = true;
            return;
        }
        break;
    case CR_OP_SETFAIL:
        context.record = word(0);
        context.on_failure = word(1);
        break;
    default:
        usage(cat("there is no operation at 0x", hex(context.op)));
    }
    context.op = next;
}

int64_t Simulator::make(long nr, const Args &args, size_t nargs, bool expects, int64_t expected)
{
    int64_t result = expects ? expected : 0;
    if (auto answer = answers_.find(nr); answer != answers_.end())
        result = answer->second(args);
    if (calls_.size() + 1 == fail_at_)
        result = -fail_with_;
    calls_.push_back({nr, args, nargs, result});
    return result;
}

void Simulator::call(Context &context)
{
    auto head = load<cr_op_head>(context.op);
    uint64_t at = context.op + CR_OP_HEAD;
    auto take = [&] {
        at += 8;
        return load<uint64_t>(at - 8);
    };
    if (head.nargs > 6)
        usage(cat("a system call of ", head.nargs, " arguments"));
    Args args{};
    for (size_t i = 0; i < head.nargs; i++)
        args[i] = take();
    uint64_t child = head.code == CR_OP_CLONE ? take() : 0;
    bool expects = head.flags & CR_OP_EXPECT;
    int64_t expected = expects ? static_cast<int64_t>(take()) : 0;
    uint64_t count = head.flags & CR_OP_REPEAT ? take() : 1;
    for (;;) {
        int64_t result = make(head.nr, args, head.nargs, expects, expected);
        if (head.nr == SYS_exit || head.nr == SYS_exit_group) {
            context.ended = true;
            return;
        }
        if (child && result > 0)
            contexts_.push_back({child, context.on_failure, context.record});
        if (head.result)
            store(head.result, result);
        bool failed =
            (expects && result != expected) || (head.flags & CR_OP_MUST && result < 0 && result >= -4095);
        if (failed) {
            if (context.record)
                store(context.record, cr_fail_record{context.op, result});
            context.op = context.on_failure;
            return;
        }
        if (--count == 0)
            break;
        for (size_t i = 0; i < head.nargs; i++)
            args[i] += load<uint64_t>(at + i * 8);
    }
    context.op += head.words * 8u;
}

std::string Simulator::transcript() const
{
    std::string out;
    for (const Made &made : calls_)
        out +=
            cat(print_call(made.nr, {made.args.begin(), made.args.begin() + static_cast<long>(made.nargs)}),
                " = ", made.result, "\n");
    return out;
}

} // namespace cr::program
