#include "libcr/program/program.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/program/layout.h"
#include "libcr/program/player.h"
#include "libcr/program/print.h"
#include "pie/ops.h"

#include <cstring>
#include <linux/sched.h>
#include <sys/syscall.h>

namespace cr::program
{

OpId Program::push(Op op)
{
    size_t length = 2 + op.words.size();
    if (length > 255)
        usage(cat("an operation of ", length, " words does not fit a program"));
    ops_.push_back(std::move(op));
    return {static_cast<uint32_t>(ops_.size() - 1)};
}

OpId Program::sys(long nr, std::vector<Value> args, On on_failure, std::string subject)
{
    Op op{CR_OP_SYS,
          on_failure == On::Fail ? uint8_t(CR_OP_MUST) : uint8_t(0),
          uint8_t(args.size()),
          static_cast<uint32_t>(nr),
          std::move(args),
          std::move(subject)};
    return push(std::move(op));
}

OpId Program::sys_32(long nr, std::vector<Value> args, On on_failure, std::string subject)
{
    uint8_t flags = CR_OP_CODE32 | (on_failure == On::Fail ? CR_OP_MUST : 0);
    Op op{CR_OP_SYS,         flags, uint8_t(args.size()), static_cast<uint32_t>(nr), std::move(args),
          std::move(subject)};
    return push(std::move(op));
}

OpId Program::sys_expect(long nr, std::vector<Value> args, int64_t expected, std::string subject)
{
    Op op{CR_OP_SYS,       CR_OP_EXPECT,      uint8_t(args.size()), static_cast<uint32_t>(nr),
          std::move(args), std::move(subject)};
    op.words.push_back(expected);
    return push(std::move(op));
}

OpId Program::sys_repeat(long nr, std::vector<Value> args, uint64_t count, std::vector<uint64_t> steps,
                         On on_failure, std::string subject)
{
    if (!count)
        usage("a call repeated zero times");
    uint8_t flags = CR_OP_REPEAT | (on_failure == On::Fail ? CR_OP_MUST : 0);
    steps.resize(args.size());
    Op op{CR_OP_SYS,         flags, uint8_t(args.size()), static_cast<uint32_t>(nr), std::move(args),
          std::move(subject)};
    op.words.push_back(count);
    op.words.insert(op.words.end(), steps.begin(), steps.end());
    return push(std::move(op));
}

OpId Program::clone3(Value args, uint64_t size, ProgramId child, int64_t expected_pid, std::string subject)
{
    return push(
        {CR_OP_CLONE, CR_OP_EXPECT, 2, SYS_clone3, {args, size, child, expected_pid}, std::move(subject)});
}

void Program::jump(ProgramId target) { push({CR_OP_JMP, 0, 0, 0, {target}, {}}); }
void Program::native(Value address) { push({CR_OP_NATIVE, 0, 0, 0, {address}, {}}); }
void Program::store(Value to, OpId op) { push({CR_OP_COPY8, 0, 0, 0, {to, op}, {}}); }
// The first word, where this operation's own result is kept, is known to the linker.
OpId Program::load(Value from) { return push({CR_OP_COPY8, kLoads, 0, 0, {0, from}, {}}); }
void Program::add(WordId word, uint32_t n, uint32_t wake_at)
{
    push({CR_OP_ADD, 0, 0, 0, {word, n, wake_at}, {}});
}
void Program::wait(WordId word, uint32_t at_least) { push({CR_OP_WAIT, 0, 0, 0, {word, at_least}, {}}); }
// The first word, the program's own record, is known to the linker.
void Program::on_failure(ProgramId handler) { push({CR_OP_SETFAIL, 0, 0, 0, {0, handler}, {}}); }

ProgramId Region::reserve()
{
    layout_.reset();
    programs_.emplace_back();
    return {static_cast<uint32_t>(programs_.size() - 1)};
}

void Region::define(ProgramId id, std::unique_ptr<Program> program)
{
    layout_.reset();
    programs_[id.index] = std::move(program);
}

ProgramId Region::add(std::unique_ptr<Program> program)
{
    ProgramId id = reserve();
    define(id, std::move(program));
    return id;
}

DataId Region::data(const void *bytes, size_t size, size_t align)
{
    layout_.reset();
    auto from = static_cast<const uint8_t *>(bytes);
    blobs_.push_back({{from, from + size}, align, {}});
    return {static_cast<uint32_t>(blobs_.size() - 1)};
}

DataId Region::space(size_t size, size_t align)
{
    layout_.reset();
    blobs_.push_back({std::vector<uint8_t>(size), align, {}});
    return {static_cast<uint32_t>(blobs_.size() - 1)};
}

void Region::point(DataId in, size_t offset, DataId to)
{
    if (offset + 8 > blobs_.at(in.index).bytes.size())
        usage("a pointer outside of its data");
    blobs_[in.index].pointers.push_back({offset, to});
}

WordId Region::word(uint32_t initial)
{
    layout_.reset();
    words_.push_back(initial);
    return {static_cast<uint32_t>(words_.size() - 1)};
}

const Layout &Region::layout() const
{
    if (!layout_)
        layout_ = std::make_shared<const Layout>(*this);
    return *layout_;
}

uint64_t Region::size() const { return layout().size; }
uint64_t Region::offset_of(DataId id) const { return layout().blobs.at(id.index); }
uint64_t Region::offset_of(WordId id) const { return layout().words.at(id.index); }
uint64_t Region::fail_record_offset(ProgramId id) const { return layout().fail_records.at(id.index); }

uint64_t Region::offset_of(ProgramId id) const
{
    const auto &ops = layout().programs.at(id.index);
    if (ops.empty())
        usage(cat("program ", id.index, " is not defined"));
    return ops.front().at;
}

uint64_t Region::result_offset(ProgramId program, OpId op) const
{
    return layout().programs.at(program.index).at(op.index).result;
}

// Writes the bytes of a region that will lie at `base`.
class Linker
{
  public:
    Linker(const Region &region, const Layout &where, TargetAddr base)
        : region_(region), where_(where), base_(base.value), bytes_(where.size)
    {
    }

    void raw(uint64_t at, const void *from, size_t size)
    {
        if (size)
            memcpy(bytes_.data() + at, from, size);
    }

    void program(uint32_t p, const std::vector<Program::Op> &ops)
    {
        const auto &placed = where_.programs[p];
        for (size_t i = 0; i < placed.size(); i++) {
            const Program::Op &op = ops[i];
            uint64_t at = placed[i].at, result = placed[i].result ? base_ + placed[i].result : 0;
            head(at, {op.code, op.nargs, op.flags, 0, op.nr, result}, Layout::length(op));
            for (size_t w = 0; w < op.words.size(); w++)
                number(at + CR_OP_HEAD + w * 8, resolve(p, op.words[w]));
            if (op.code == CR_OP_SETFAIL)
                number(at + CR_OP_HEAD, base_ + where_.fail_records[p]);
            if (op.code == CR_OP_COPY8 && op.flags & Program::kLoads)
                number(at + CR_OP_HEAD, result);
            else if (op.code == CR_OP_COPY8 && op.words[1].kind == Value::Kind::Result)
                number(at + CR_OP_HEAD + 8, base_ + placed.at(op.words[1].index).result);
            copies(placed[i], at + Layout::length(op));
        }
    }

    std::vector<uint8_t> take() { return std::move(bytes_); }

  private:
    void number(uint64_t at, uint64_t value) { raw(at, &value, 8); }

    void head(uint64_t at, cr_op_head head, uint64_t length)
    {
        head.words = static_cast<uint8_t>(length / 8);
        raw(at, &head, sizeof head);
    }

    void copies(const Layout::PlacedOp &op, uint64_t at)
    {
        for (uint64_t to : op.copies_to) {
            head(at, {CR_OP_COPY8, 0, 0, 0, 0, 0}, Layout::kCopyLength);
            number(at + CR_OP_HEAD, base_ + to);
            number(at + CR_OP_HEAD + 8, base_ + op.result);
            at += Layout::kCopyLength;
        }
    }

    uint64_t resolve(uint32_t program, const Value &value) const
    {
        switch (value.kind) {
        case Value::Kind::Number:
            return value.number;
        case Value::Kind::Data:
            return base_ + where_.blobs.at(value.index) + value.number;
        case Value::Kind::Word:
            return base_ + where_.words.at(value.index);
        case Value::Kind::Entry:
            return base_ + region_.offset_of(ProgramId{value.index});
        case Value::Kind::Result: // filled in by the player
            if (value.index >= where_.programs[program].size())
                usage("the result of an operation of another program");
            return 0;
        }
        return 0;
    }

    const Region &region_;
    const Layout &where_;
    uint64_t base_;
    std::vector<uint8_t> bytes_;
};

std::vector<uint8_t> Region::link(TargetAddr base) const
{
    const Layout &where = layout();
    Linker linker(*this, where, base);
    linker.raw(0, player_code().data(), player_code().size());
    for (size_t i = 0; i < words_.size(); i++)
        linker.raw(where.words[i], &words_[i], 4);
    for (size_t i = 0; i < blobs_.size(); i++) {
        linker.raw(where.blobs[i], blobs_[i].bytes.data(), blobs_[i].bytes.size());
        for (const Pointer &pointer : blobs_[i].pointers) {
            uint64_t address = base.value + where.blobs.at(pointer.to.index);
            linker.raw(where.blobs[i] + pointer.offset, &address, sizeof address);
        }
    }
    for (uint32_t p = 0; p < programs_.size(); p++) {
        if (!programs_[p])
            usage(cat("program ", p, " is not defined"));
        linker.program(p, programs_[p]->ops_);
    }
    return linker.take();
}

std::vector<Failure> Region::failures(const uint8_t *bytes, TargetAddr base) const
{
    const Layout &where = layout();
    std::vector<Failure> found;
    for (uint32_t p = 0; p < programs_.size(); p++) {
        cr_fail_record record;
        memcpy(&record, bytes + where.fail_records[p], sizeof record);
        if (!record.op)
            continue;
        Failure failure{{p}, programs_[p]->name(), {}, {}, 0, record.result};
        if (record.result < 0 && record.result >= -4095)
            failure.err = static_cast<int>(-record.result);
        for (uint32_t i = 0; i < where.programs[p].size(); i++)
            if (base.value + where.programs[p][i].at == record.op) {
                failure.operation = print_op(*this, {p}, {i});
                failure.subject = programs_[p]->ops_[i].subject;
            }
        found.push_back(std::move(failure));
    }
    return found;
}

} // namespace cr::program
