// The gate: every system call that this library makes goes through call(). One convention (the result, or
// -errno), and one place where the tests make the k-th call fail or kill the process.
//
// Fault injection, for tests (tests/fault): CR_FAULT=TOOL:K:WHAT makes the K-th call (from 1) of the process
// that speaks as TOOL (log::tool()) fail with errno WHAT (a number), or, with WHAT "kill" or "kill-after",
// ends the process by SIGKILL before or after the call. CR_FAULT_COUNT=FILE appends "TOOL COUNT\n" at exit.
// Ignored when the process was started with more privilege than its caller has (AT_SECURE).
#pragma once

#include "libcr/base/error.h"

#include <cerrno>
#include <cstdint>
#include <string>
#include <type_traits>

namespace cr::sys
{

// One passage through the gate, around a call that has to be made in its own way (a clone3 whose child goes
// elsewhere, a vfork): refused() says that the tests want result() instead of the call.
class Gate
{
  public:
    Gate();
    ~Gate();
    Gate(const Gate &) = delete;
    Gate &operator=(const Gate &) = delete;
    bool refused() const { return result_ < 0; }
    long result() const { return result_; }

  private:
    long result_ = 0;
    bool kill_after_ = false;
};

long raw_call(long nr, long a, long b, long c, long d, long e, long f);

namespace detail
{
template <class T> long word(T value)
{
    if constexpr (std::is_pointer_v<T>)
        return reinterpret_cast<long>(value);
    else if constexpr (std::is_null_pointer_v<T>)
        return 0;
    else
        return static_cast<long>(value);
}
} // namespace detail

// The result, or -errno.
template <class A = long, class B = long, class C = long, class D = long, class E = long, class F = long>
long call(long nr, A a = {}, B b = {}, C c = {}, D d = {}, E e = {}, F f = {})
{
    using detail::word;
    return raw_call(nr, word(a), word(b), word(c), word(d), word(e), word(f));
}

// `result` as it is, or an Error "cannot <attempted>: <errno>" when it is -errno. `attempted` may be text or
// something callable that makes text, so that the good path builds no string.
template <class What> long check(long result, const What &attempted)
{
    if (result < 0 && result >= -4095) {
        if constexpr (std::is_invocable_v<What>)
            failed_with(static_cast<int>(-result), attempted());
        else
            failed_with(static_cast<int>(-result), std::string(attempted));
    }
    return result;
}

// Classes of errno values, so that callers do not list them.
inline bool is_unsupported(long r)
{
    return r == -ENOSYS || r == -EOPNOTSUPP || r == -EINVAL || r == -ENOTTY;
}
inline bool is_privilege(long r) { return r == -EPERM || r == -EACCES; }
inline bool is_gone(long r) { return r == -ESRCH || r == -ENOENT; }

} // namespace cr::sys
