// One thread on its way through injected code: its slot in the pad (pie/inject.S), its state there, the
// signal by which it tells that it is done, and the steps of run.h's order.
#pragma once

#include "libcr/inject/encode.h"
#include "libcr/inject/freeze.h"
#include "libcr/inject/pad.h"

#include <array>
#include <cstdint>
#include <vector>

namespace cr::inject
{

// Places in the image of injected code, as offsets from its begin.
struct CodeImage {
    static size_t size(size_t slots);
    static std::vector<uint8_t> bytes(size_t slots);
    static uint64_t slot(size_t index);
    static uint64_t in_syscall_end();
    static uint64_t call_return(); // where a thread is that has made a call of a program

    static constexpr size_t kMaxSlots = 8;
    static constexpr size_t kStateSize = 160;
};

class Slot
{
  public:
    // `code`: where the image lies in the task.
    Slot(FrozenTask &task, FrozenThread &thread, TargetAddr code, size_t index);

    FrozenThread &thread() { return thread_; }
    // 0: system-call stops have to do.
    int signal() const { return signal_; }

    // The thread's state as `resume` wants it, to be placed at any address.
    std::array<uint8_t, CodeImage::kStateSize> state() const;
    // The words of the slot, for the given places of program and state.
    std::array<uint64_t, 4> words(TargetAddr program, TargetAddr state) const;
    TargetAddr words_at() const;
    TargetAddr resume_at() const; // where a program ends

    // Operations that block all signals but the one, and that tell "done".
    Call block_call(TargetAddr mask) const;
    uint64_t blocked() const { return signal_ ? ~(1ull << (signal_ - 1)) : ~0ull; } // the mask
    Call done_call() const;

    void enter();                                        // steps 2 to 4
    void go_on();                                        // from a done-stop
    void go_on(TargetAddr op);                           // from a done-stop, at another operation
    void leave(const Waiter &waiter, Deadline deadline); // steps 5 to 7
    // Waits until it stands at a done-operation; that one's address. Throws when it dies or takes too long.
    TargetAddr wait_done(const Waiter &waiter, Deadline deadline);
    // The result of the call that failed last; after wait_done.
    int64_t failure() const { return static_cast<int64_t>(now_.rbp); }

  private:
    void go(int signal = 0);
    void must(long result, const char *what) const;

    FrozenTask &task_;
    FrozenThread &thread_;
    TargetAddr code_;
    uint64_t slot_;
    int signal_ = 0;
    user_regs_struct now_{};
};

} // namespace cr::inject
