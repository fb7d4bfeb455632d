// What a kind needs to add its operations to the program of one task that is being restored.
#pragma once

#include "libcr/program/program.h"

#include <string>
#include <sys/syscall.h>
#include <sys/types.h>

namespace cr::task
{

// Open descriptions are made once, by the opener (a helper process that lives until the tree is complete), at
// numbers that are known when programs are built. A task takes what it owns by pidfd_getfd.
class Build
{
  public:
    // `pid` is the id of the thread whose program this is, `tgid` that of its process.
    Build(program::Region &region, program::Program &program, pid_t tgid, pid_t pid, program::OpId opener)
        : region(region), program(program), tgid(tgid), pid(pid), opener_(opener)
    {
    }

    // A copy of the opener's descriptor `number`, close-on-exec, at the lowest free number of the task.
    program::OpId fetch(int number, const std::string &subject)
    {
        return program.sys(438 /* pidfd_getfd */, {opener_, number, 0}, program::On::Fail, subject);
    }
    void close(program::OpId fd) { program.sys(SYS_close, {fd}); }
    // The task's descriptor for the opener itself (a pidfd).
    program::OpId opener() const { return opener_; }

    program::Region &region;
    program::Program &program;
    const pid_t tgid, pid;
    bool makes_signal_actions = true; // else it shares those of a process that does

  private:
    program::OpId opener_;
};

} // namespace cr::task
