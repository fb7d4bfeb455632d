#include "libcr/task/landlock.h"

#include "libcr/base/error.h"
#include "libcr/base/fd.h"
#include "libcr/sys/gate.h"

#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cr::task
{

namespace
{

constexpr long kCreateRuleset = 444, kRestrictSelf = 446;

uint64_t security_of(const sys::KernelMemory &m, uint64_t task)
{
    return m.get<uint64_t>(m.get<uint64_t>(task, "task_struct", "cred"), "cred", "security");
}

// Enters a domain, says so, and ends with the pipe.
[[noreturn]] void be_bound(int said, int held)
{
    uint64_t handled = 1; // LANDLOCK_ACCESS_FS_EXECUTE
    sys::call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    long ruleset = sys::call(kCreateRuleset, &handled, sizeof handled, 0);
    char byte = ruleset >= 0 && sys::call(kRestrictSelf, ruleset, 0) == 0;
    sys::call(SYS_write, said, &byte, 1);
    sys::call(SYS_close, said);
    sys::call(SYS_read, held, &byte, 1);
    ::_exit(0);
}

// A pointer to a domain of one ruleset?
bool is_domain(const sys::KernelMemory &m, uint64_t at)
{
    constexpr uint64_t kKernel = 0xffff800000000000;
    try {
        return at >= kKernel && m.get<uint32_t>(at, "landlock_ruleset", "num_layers") == 1;
    } catch (const Error &) {
        return false;
    }
}

std::optional<uint64_t> find_offset(const sys::KernelMemory &m, uint64_t free, uint64_t bound)
{
    constexpr uint64_t kLongest = 256; // of what all modules together have
    for (uint64_t at = 0; at < kLongest; at += sizeof(uint64_t)) {
        auto word = m.get<uint64_t>(bound + at);
        if (word != m.get<uint64_t>(free + at) && is_domain(m, word))
            return at;
    }
    return std::nullopt;
}

} // namespace

std::optional<LandlockSearch> LandlockSearch::make(const sys::KernelMemory &memory)
{
    constexpr uint64_t kVersion = 1; // LANDLOCK_CREATE_RULESET_VERSION
    if (sys::call(kCreateRuleset, nullptr, 0, kVersion) <= 0 || !memory.has("landlock_ruleset", "num_layers"))
        return std::nullopt;
    int said[2], held[2];
    sys::check(sys::call(SYS_pipe2, said, O_CLOEXEC), "make a pipe");
    Fd said_read(said[0]), said_write(said[1]);
    sys::check(sys::call(SYS_pipe2, held, O_CLOEXEC), "make a pipe");
    Fd held_read(held[0]), held_write(held[1]);
    auto child = static_cast<pid_t>(sys::check(sys::call(SYS_fork), "fork"));
    if (child == 0) {
        held_write.reset();
        be_bound(said[1], held[0]);
    }
    said_write.reset();
    std::optional<LandlockSearch> out;
    char byte = 0;
    if (sys::call(SYS_read, said_read.get(), &byte, 1) == 1 && byte) {
        auto ours = memory.threads(::getpid()), theirs = memory.threads(child);
        if (!ours.empty() && !theirs.empty()) {
            uint64_t own = security_of(memory, ours[0].task);
            if (auto offset = find_offset(memory, own, security_of(memory, theirs[0].task)))
                out = LandlockSearch(memory, *offset, memory.get<uint64_t>(own + *offset));
        }
    }
    held_write.reset();
    int status;
    sys::call(SYS_wait4, child, &status, 0, nullptr);
    return out;
}

bool LandlockSearch::bound(uint64_t task) const
{
    auto domain = memory_->get<uint64_t>(security_of(*memory_, task) + offset_);
    return domain && domain != own_;
}

} // namespace cr::task
