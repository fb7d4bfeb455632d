// What /proc and stat say of one descriptor of a stopped task: all that is needed to tell what kind of file
// it refers to, without touching the file.
//
// Cost, which decides what is read when (Linux 6.18, CPU time): a link of /proc/PID/fd 2.1 us, fdinfo 4.8 us,
// a copy of the descriptor by pidfd_getfd 1.1 us, and fstat of that copy 0.2 us. So stat goes by a copy, and
// fdinfo is read only where something in it is needed
// that the kernel does not tell in another way (sys/file_objects.h).
#pragma once

#include "libcr/base/fd.h"
#include "libcr/proc/fd_list.h"
#include "libcr/proc/fdinfo.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/sys/file_objects.h"

#include <fcntl.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/types.h>
#include <vector>

namespace cr::files
{

// In place of a descriptor's number.
inline constexpr int kCwd = -1;
inline constexpr int kRoot = -2;
inline constexpr int kClaim = -3; // a file that another stage needs: an executable, a mapped file

// Who gets signals about an open description (fcntl F_SETOWN_EX, F_SETSIG), and with whose rights they are
// sent.
struct Owner {
    uint32_t uid = 0, euid = 0, signum = 0;
    uint32_t pid_type = 0; // F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP
    uint32_t pid = 0;      // 0: nobody
};

struct Facts {
    pid_t pid = 0;
    int fd = 0;
    std::string link; // "/tmp/x", "pipe:[4711]", "anon_inode:[eventfd]"
    struct stat st = {};
    proc::FdInfo info;     // from facts() only the flags, without O_CLOEXEC
    int socket_domain = 0; // AF_UNIX and the like, of a socket
    Owner owner;           // read together with info
    bool may_be_locked = true; // false where the kernel told that nobody has a lock on it
    uint64_t object = 0;   // equal for descriptors of one description, where the kernel told it; else 0
    std::string carrier;   // what it is on its way in, of a descriptor that no task has (carried.h)

    uint32_t open_flags() const { return info.flags & ~static_cast<uint32_t>(O_CLOEXEC); }
    // It stands for a name and cannot be read or written (O_PATH).
    bool is_path_only() const { return fd >= 0 && info.flags & O_PATH; }
    // "anon_inode:[NAME]", or without brackets as some kinds have it.
    bool is_anon(std::string_view name) const;
    // "pid 42, fd 5 (/tmp/x)", "pid 42, working directory (/tmp)".
    std::string subject() const;
};

// The descriptors of one stopped task, reached through directories and a pidfd that are opened once.
class TaskFiles
{
  public:
    // `pid` may be a living thread, where the main thread is dead.
    explicit TaskFiles(pid_t pid);

    pid_t pid() const { return pid_; }
    // Numbers among which are all of its descriptors, ascending.
    std::vector<int> candidates() const { return proc::candidate_descriptors(proc_, status_); }
    const std::string &status() const { return status_; }
    const proc::PidDir &proc() const { return proc_; }
    // Link and stat of a descriptor, or of kCwd, kRoot; nothing when there is no such descriptor.
    std::optional<Facts> facts(int fd) const;
    // The same with fdinfo and owner, of a descriptor.
    std::optional<Facts> all_facts(int fd) const;
    // Of a descriptor whose object and stat are known: the link, flags, offset; for `all` what fdinfo alone has
    // and the owner, too.
    void complete(Facts &facts, sys::FileObject object, bool all) const;
    void load_info(Facts &facts) const;
    int pidfd() const { return pidfd_.get(); }
    // The pidfd, for take_copy() when this object is gone.
    Fd release_pidfd() { return std::move(pidfd_); }

  private:
    std::optional<Facts> facts(int fd, Fd &copy) const;

    pid_t pid_;
    Fd pidfd_;
    proc::PidDir proc_;
    std::string status_;
    Fd own_fds_, infos_;
};

// AF_UNIX and the like.
int socket_domain_of(int fd);
// A copy of a descriptor of the process behind `pidfd`, close-on-exec.
Fd take_copy(int pidfd, int fd);

} // namespace cr::files
