// Programs: what has to happen inside a task, as data. A Program is a list of operations for the player
// (pie/ops.h), built without knowing where it will lie: arguments may be results of earlier operations,
// addresses of data that travels with it, words shared by all programs of a region, or the entry of another
// program. A Region links programs to an address and yields the bytes.
//
// Everything here is pure: a program can be printed like strace output (print.h) and run by a simulator
// (simulate.h) without a kernel.
#pragma once

#include "libcr/base/addr.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace cr::program
{

// Names of things in a region, without meaning outside of it.
struct OpId {
    uint32_t index = 0; // within its program
};
struct DataId {
    uint32_t index = 0; // bytes placed in the region, writable by the task
};
struct WordId {
    uint32_t index = 0; // a u32 shared by all programs: counters to wait on
};
struct ProgramId {
    uint32_t index = 0;
};

// One argument of an operation.
class Value
{
  public:
    enum class Kind { Number, Result, Data, Word, Entry };

    Value() = default;
    Value(std::nullptr_t) {}
    template <class Int>
    requires(std::is_integral_v<Int> || std::is_enum_v<Int>) Value(Int n) : number(static_cast<uint64_t>(n))
    {
    }
    Value(TargetAddr a) : number(a.value) {}
    Value(OpId op)
        : kind(Kind::Result), index(op.index) {} // what that operation of the same program returned
    Value(DataId d, uint64_t offset = 0) : kind(Kind::Data), index(d.index), number(offset) {} // its address
    Value(WordId w) : kind(Kind::Word), index(w.index) {}                                      // its address
    Value(ProgramId p) : kind(Kind::Entry), index(p.index) {} // address of its first operation

    Kind kind = Kind::Number;
    uint32_t index = 0;
    uint64_t number = 0;
};

enum class On { Fail, Ignore }; // what a failing call means: the program fails, or nothing

struct Layout;

class Program
{
  public:
    // `name` is the subject of everything in it: "pid 42".
    explicit Program(std::string name) : name_(std::move(name)) {}

    // A system call. `subject` says what it is about ("fd 5 (timerfd)", "/lib/x.so at 7f..."), for people.
    OpId sys(long nr, std::vector<Value> args, On on_failure = On::Fail, std::string subject = {});
    // The same by the number and with the structures that 32-bit code has. The region must lie below 4 GiB.
    OpId sys_32(long nr, std::vector<Value> args, On on_failure = On::Fail, std::string subject = {});
    // A system call that must return exactly `expected`.
    OpId sys_expect(long nr, std::vector<Value> args, int64_t expected, std::string subject = {});
    // The same call `count` times, `steps[i]` being added to argument i in between.
    OpId sys_repeat(long nr, std::vector<Value> args, uint64_t count, std::vector<uint64_t> steps,
                    On on_failure = On::Fail, std::string subject = {});
    // clone3(args, size): the child goes on with `child`. The result is the child's pid, which must be
    // `expected_pid`.
    OpId clone3(Value args, uint64_t size, ProgramId child, int64_t expected_pid, std::string subject = {});
    void jump(ProgramId target);
    void native(Value address);
    void store(Value to, OpId op); // *(u64 *)to = result of op
    OpId load(Value from);         // its result is *(u64 *)from, for calls that return a value in memory
    // word += n, and wake those who wait for it if it is at least `wake_at` now: the last of many, not each.
    void add(WordId word, uint32_t n, uint32_t wake_at = 0);
    void wait(WordId word, uint32_t at_least);
    // From here on a failure is recorded (the record is this program's own) and `handler` is run.
    void on_failure(ProgramId handler);

    const std::string &name() const { return name_; }
    size_t size() const { return ops_.size(); }

  private:
    friend class Region;
    friend class Printer;
    friend class Linker;
    friend struct Layout;
    struct Op {
        uint8_t code = 0, flags = 0, nargs = 0;
        uint32_t nr = 0;
        std::vector<Value> words; // all words after the head, call arguments first
        std::string subject;
    };
    static constexpr uint8_t kLoads = 1; // flag of CR_OP_COPY8, which the player does not look at: a load()
    OpId push(Op op);

    std::string name_;
    std::vector<Op> ops_;
};

// What went wrong in a program that ran.
struct Failure {
    ProgramId program;
    std::string program_name, operation, subject; // "pid 42", "mmap(0x7f..., ...)", "/lib/x.so"
    int err = 0;                                  // 0: the result was not the expected one
    int64_t result = 0;
};

// Programs with their data, to be placed at one address. Fill, then link.
// The bytes: the player first (its entry is offset 0), then words, fail records, data, operations.
class Region
{
  public:
    ProgramId reserve(); // an id for a program that is defined later (for jumps and clones to it)
    void define(ProgramId id, std::unique_ptr<Program> program);
    ProgramId add(std::unique_ptr<Program> program);
    DataId data(const void *bytes, size_t size, size_t align = 8);
    DataId space(size_t size, size_t align = 8); // zeros
    // The 8 bytes at `offset` of `in` hold the address of `to`: for structs with pointers.
    void point(DataId in, size_t offset, DataId to);
    WordId word(uint32_t initial = 0);

    // Bytes needed, page-rounded; stable once every program is defined.
    uint64_t size() const;
    // The bytes as they must lie at `base`. May be called again for another base.
    std::vector<uint8_t> link(TargetAddr base) const;

    // Offsets from the base.
    uint64_t offset_of(ProgramId) const;
    uint64_t offset_of(DataId) const;
    uint64_t offset_of(WordId) const;
    uint64_t fail_record_offset(ProgramId) const;
    uint64_t result_offset(ProgramId, OpId) const; // where that operation's result is kept (8 bytes)

    // The failures recorded in a region that ran: `bytes` as they are now, linked at `base`.
    std::vector<Failure> failures(const uint8_t *bytes, TargetAddr base) const;

    const Program &program(ProgramId id) const { return *programs_[id.index]; }
    size_t program_count() const { return programs_.size(); }

  private:
    friend class Printer;
    friend struct Layout;
    struct Pointer {
        size_t offset;
        DataId to;
    };
    struct Blob {
        std::vector<uint8_t> bytes;
        size_t align;
        std::vector<Pointer> pointers;
    };
    const Layout &layout() const;

    std::vector<std::unique_ptr<Program>> programs_;
    std::vector<Blob> blobs_;
    std::vector<uint32_t> words_;
    mutable std::shared_ptr<const Layout> layout_; // of what is there now; made when asked for
};

} // namespace cr::program
