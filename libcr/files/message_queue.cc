#include "libcr/files/message_queue.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <cstdlib>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

constexpr uint64_t kMagic = 0x19800202; // MQUEUE_MAGIC, which is in no header
constexpr off_t kSize = 80;             // of each of these files, whatever waits in it
constexpr const char *kMount = "/dev/mqueue";

// Who has asked for a sign of the next message (mq_notify(3)): the file's contents end with "NOTIFY_PID:N";
// 0: nobody.
pid_t who_is_notified(const std::string &via)
{
    long opened = sys::try_open_at(AT_FDCWD, via.c_str(), O_RDONLY);
    if (opened < 0)
        return 0;
    Fd fd(static_cast<int>(opened));
    char buffer[kSize + 1] = {};
    long n = sys::call(SYS_pread64, fd.get(), buffer, kSize, 0);
    std::string_view text(buffer, n > 0 ? static_cast<size_t>(n) : 0), key = "NOTIFY_PID:";
    size_t at = text.find(key);
    return at == std::string_view::npos ? 0 : static_cast<pid_t>(std::atoi(text.data() + at + key.size()));
}

} // namespace

bool is_message_queue(const Facts &facts, const std::string &via)
{
    struct statfs fs {
    };
    return S_ISREG(facts.st.st_mode) && facts.st.st_size == kSize && !facts.is_path_only() &&
           sys::call(SYS_statfs, via.c_str(), &fs) == 0 && static_cast<uint64_t>(fs.f_type) == kMagic;
}

FoundName find_message_queue(const Facts &facts, const std::string &via)
{
    auto leads_there = [&](const std::string &name) {
        struct stat st;
        return sys::call(SYS_newfstatat, AT_FDCWD, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               st.st_dev == facts.st.st_dev && st.st_ino == facts.st.st_ino;
    };
    FoundName out;
    out.name = facts.link;
    if (pid_t pid = who_is_notified(via)) {
        out.blocker = blocker_of(facts,
                                 cat("pid ", pid,
                                     " waits for a sign of this message queue (mq_notify(3)), which cannot "
                                     "be kept"),
                                 "take that back before the dump");
        return out;
    }
    if (facts.st.st_nlink == 0) {
        out.blocker =
            blocker_of(facts, "a message queue of POSIX that has no name any more cannot be kept",
                       "unlink it (mq_unlink(3)) only after the restore, or close it before the dump");
        return out;
    }
    if (leads_there(out.name)) // it was opened by its file
        return out;
    size_t slash = facts.link.rfind('/');
    out.name = cat(kMount, facts.link.substr(slash == std::string::npos ? 0 : slash));
    out.how = FoundName::How::Elsewhere;
    if (!leads_there(out.name))
        out.blocker = blocker_of(
            facts, "a message queue of POSIX is found again by its file only, which is not below /dev/mqueue",
            "mount that: mount -t mqueue mqueue /dev/mqueue");
    return out;
}

} // namespace cr::files
