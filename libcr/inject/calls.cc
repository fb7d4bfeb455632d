#include "libcr/inject/calls.h"

namespace cr::inject
{

Calls::Out Calls::out(size_t size, size_t align)
{
    size_t at = (answers_.size() + align - 1) / align * align;
    answers_.resize(at + size);
    return {static_cast<uint32_t>(at)};
}

Calls::Out Calls::data(const void *bytes, size_t size, size_t align)
{
    Out at = out(size, align);
    memcpy(answers_.data() + at.offset, bytes, size);
    has_data_ = true;
    return at;
}

namespace
{

// Arguments that are not given are zero: room in the pad is scarce.
std::vector<Calls::Arg> without_zeros(std::vector<Calls::Arg> args)
{
    while (!args.empty() && !args.back().is_out && args.back().value == 0)
        args.pop_back();
    return args;
}

} // namespace

void Calls::sys(long nr, std::vector<Arg> args)
{
    calls_.push_back({nr, without_zeros(std::move(args)), 1, {}, false, {}});
}

Calls::Out Calls::sys_result(long nr, std::vector<Arg> args)
{
    Out result = out(8);
    calls_.push_back({nr, without_zeros(std::move(args)), 1, {}, true, result});
    return result;
}

Calls::Out Calls::repeat(long nr, std::vector<Arg> args, uint64_t count, std::vector<uint64_t> steps)
{
    Out result = out(8);
    calls_.push_back({nr, std::move(args), count, std::move(steps), true, result});
    return result;
}

Call Calls::resolve(const Entry &entry, TargetAddr answers) const
{
    Call call;
    call.nr = entry.nr;
    for (const Arg &arg : entry.args)
        call.args.push_back(arg.is_out ? answers.value + arg.value : arg.value);
    call.result = entry.wants_result ? answers.value + entry.result.offset : 0;
    call.count = entry.count;
    call.steps = entry.steps;
    return call;
}

size_t Calls::program_size() const
{
    size_t size = 0;
    for (const Entry &entry : calls_)
        size += resolve(entry, TargetAddr()).size();
    return size;
}

void Calls::encode(Encoder &out, TargetAddr answers) const
{
    for (const Entry &entry : calls_)
        out.call(resolve(entry, answers));
}

const uint8_t *Calls::at_most(uint64_t offset, size_t size) const
{
    if (offset + size > answers_.size())
        usage("an answer is asked for that no call gives");
    return answers_.data() + offset;
}

} // namespace cr::inject
