// Runs the programs of a region without a kernel: the same bytes that the player would walk, the same rules.
// System calls are answered by functions, recorded, and can be made to fail one at a time, so that a plan can
// be checked for every way in which it may go wrong.
//
// Several programs run side by side, as their clones and waits say: each until it has to wait, then the next.
// A program that reads or writes outside of the region, or waits for what never comes, throws.
#pragma once

#include "libcr/program/program.h"

#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace cr::program
{

class Simulator
{
  public:
    using Args = std::array<uint64_t, 6>;
    using Answer = std::function<int64_t(const Args &)>;
    struct Made {
        long nr;
        Args args;
        size_t nargs;
        int64_t result;
    };

    Simulator(const Region &region, TargetAddr base);

    // What a call returns; 0 where nothing is said. exit and exit_group end the program that makes them.
    void answer(long nr, Answer answer) { answers_[nr] = std::move(answer); }
    // Calls that must succeed with a certain value (mmap at an address, clone3) return that, unless an answer
    // says otherwise. The `k`-th call of the run (from 1) returns -err instead of its answer.
    void fail(uint64_t k, int err)
    {
        fail_at_ = k;
        fail_with_ = err;
    }

    // Runs `entry` and all that it clones until every one has ended or left the player.
    void run(ProgramId entry, ProgramId on_failure);

    const std::vector<Made> &calls() const { return calls_; }
    // The calls as print.h shows them, a line each.
    std::string transcript() const;
    std::vector<Failure> failures() const { return region_.failures(bytes_.data(), base_); }
    const std::vector<uint8_t> &bytes() const { return bytes_; }
    uint64_t value_at(uint64_t offset) const { return load<uint64_t>(base_.value + offset); }

  private:
    struct Context {
        uint64_t op = 0, on_failure = 0, record = 0;
        bool ended = false, waiting = false;
    };
    template <class T> T load(uint64_t address) const;
    template <class T> void store(uint64_t address, T value);
    void step(Context &context);
    void call(Context &context);
    int64_t make(long nr, const Args &args, size_t nargs, bool expects, int64_t expected);

    const Region &region_;
    TargetAddr base_;
    std::vector<uint8_t> bytes_;
    std::map<long, Answer> answers_;
    std::vector<Made> calls_;
    std::vector<Context> contexts_;
    uint64_t fail_at_ = 0;
    int fail_with_ = 0;
};

} // namespace cr::program
