#include "libcr/files/session_tty.h"

#include "libcr/base/text.h"

#include <sys/ioctl.h>

namespace cr::files
{

void arm_controlling_terminal(const Plan &plan, pid_t pid, task::Build &build)
{
    const img::file_entry *terminal = plan.terminals().of_session(pid);
    if (!terminal)
        return;
    std::string subject = cat("terminal of session ", pid);
    program::OpId fd = build.fetch(plan.number(*terminal), subject);
    build.program.sys(SYS_ioctl, {fd, TIOCSCTTY, 0}, program::On::Fail, subject);
    build.close(fd);
}

pid_t foreground_group(const Plan &plan, pid_t pid)
{
    const img::file_entry *terminal = plan.terminals().of_session(pid);
    if (!terminal)
        return 0;
    auto group = static_cast<pid_t>(plan.terminals().info(*terminal).pgrp());
    return group == pid ? 0 : group; // the leader's own is there already
}

void arm_foreground(const Plan &plan, pid_t pid, task::Build &build)
{
    pid_t group = foreground_group(plan, pid);
    std::string subject = cat("foreground group ", group);
    program::OpId fd = build.fetch(plan.number(*plan.terminals().of_session(pid)), subject);
    build.program.sys(SYS_ioctl, {fd, TIOCSPGRP, build.region.data(&group, sizeof group)}, program::On::Fail,
                      subject);
    build.close(fd);
}

} // namespace cr::files
