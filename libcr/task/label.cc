#include "libcr/task/label.h"

#include "libcr/base/fd.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "libcr/sys/gate.h"

#include <sys/syscall.h>

namespace cr::task
{

std::string label_of(pid_t pid)
{
    long fd = sys::try_open_at(AT_FDCWD, cat("/proc/", pid, "/attr/current").c_str(), O_RDONLY);
    if (fd < 0)
        return {};
    Fd file(static_cast<int>(fd));
    char text[4096];
    long n = sys::call(SYS_read, file.get(), text, sizeof text);
    std::string_view label(text, n > 0 ? static_cast<size_t>(n) : 0);
    return std::string(trim(label.substr(0, label.find('\0'))));
}

std::optional<Blocker> label_blocker(pid_t pid, const std::string &own, const std::string &label)
{
    if (label == own)
        return std::nullopt;
    return Blocker{cat("pid ", pid),
                   cat("it has the security label '", printable(label), "', and we have '", printable(own),
                       "'; keeping labels is not supported yet"),
                   "run the dump under the same label, or the program without one of its own"};
}

} // namespace cr::task
