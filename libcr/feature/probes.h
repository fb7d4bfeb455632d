// What this kernel, with the privileges that we have, can do for a checkpoint or a restore. Nothing is
// believed from version numbers or configuration: each probe tries the thing itself, on a sample process of
// its own.
#pragma once

#include <span>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cr::feature
{

// A child that waits, stopped by ptrace, for as long as this lives.
class Sample
{
  public:
    // Throws when there cannot be one; `ptrace_result` is what stopping it gave, 0 or -errno.
    Sample();
    ~Sample();
    Sample(const Sample &) = delete;
    Sample &operator=(const Sample &) = delete;
    pid_t pid() const { return pid_; }
    long ptrace_result() const { return ptrace_result_; }

  private:
    pid_t pid_ = 0;
    long ptrace_result_ = 0;
};

enum class Need { Always, Sometimes };

struct Probe {
    const char *name; // CRIU's, where it has one
    Need need;
    const char *use;             // completes "needed to ..."
    long (*run)(const Sample &); // 0: it is there; -errno: why not
};

std::span<const Probe> probes();
// Null when there is none of the name.
const Probe *find_probe(std::string_view name);

} // namespace cr::feature
