// System calls to be made inside a stopped thread, and their answers: fill, run (run.h), read.
//   Calls calls;
//   auto stack = calls.out(sizeof(stack_t));
//   calls.sys(SYS_sigaltstack, {0, stack});
//   auto dumpable = calls.sys_result(SYS_prctl, {PR_GET_DUMPABLE});
//   run(...);
//   calls.get<stack_t>(stack); calls.result(dumpable);
// A call that fails stops nothing: ask for its result when that matters.
#pragma once

#include "libcr/base/addr.h"
#include "libcr/base/error.h"
#include "libcr/inject/encode.h"

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace cr::inject
{

class Calls
{
  public:
    // Bytes in the task, zero at first, that a call fills (or reads) and that can be read here afterwards.
    struct Out {
        uint32_t offset = 0;
    };

    class Arg
    {
      public:
        template <class Int>
        requires(std::is_integral_v<Int> || std::is_enum_v<Int>) Arg(Int n) : value(static_cast<uint64_t>(n))
        {
        }
        Arg(TargetAddr a) : value(a.value) {}
        Arg(Out out, uint64_t offset = 0) : value(out.offset + offset), is_out(true) {}
        uint64_t value = 0;
        bool is_out = false; // an address within the answers
    };

    Out out(size_t size, size_t align = 8);
    Out data(const void *bytes, size_t size, size_t align = 8);
    void sys(long nr, std::vector<Arg> args);
    Out sys_result(long nr, std::vector<Arg> args);
    // The same call `count` times, `steps[i]` being added to argument i in between. The last result, if any.
    Out repeat(long nr, std::vector<Arg> args, uint64_t count, std::vector<uint64_t> steps);

    // The result of a call is a descriptor that is closed in any case, also when we die: by the very program
    // that made it. For a leader alone; Job::made is the time to take it.
    void transient(Out fd) { transient_.push_back(fd); }
    const std::vector<Out> &transient() const { return transient_; }

    // The answers.
    template <class T> T get(Out at, uint64_t offset = 0) const
    {
        static_assert(std::is_trivially_copyable_v<T>);
        T value;
        memcpy(&value, at_most(at.offset + offset, sizeof value), sizeof value);
        return value;
    }
    int64_t result(Out at) const { return get<int64_t>(at); }

    bool empty() const { return calls_.empty(); }

    // For run.h: length of the operations; the operations with the answers at `answers`; the bytes of these.
    size_t program_size() const;
    void encode(Encoder &out, TargetAddr answers) const;
    std::vector<uint8_t> &answers() { return answers_; }
    bool has_data() const { return has_data_; }

  private:
    struct Entry {
        long nr;
        std::vector<Arg> args;
        uint64_t count = 1;
        std::vector<uint64_t> steps;
        bool wants_result = false;
        Out result;
    };
    Call resolve(const Entry &entry, TargetAddr answers) const;
    const uint8_t *at_most(uint64_t offset, size_t size) const;

    std::vector<Entry> calls_;
    std::vector<Out> transient_;
    std::vector<uint8_t> answers_;
    bool has_data_ = false;
};

} // namespace cr::inject
