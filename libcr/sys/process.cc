#include "libcr/sys/process.h"

#include "libcr/base/text.h"

namespace cr::sys
{

std::string WaitStatus::text() const
{
    if (WIFEXITED(status_))
        return cat("exited with ", WEXITSTATUS(status_));
    if (WIFSIGNALED(status_))
        return cat("was killed by signal ", WTERMSIG(status_));
    if (event())
        return cat("stopped with event ", event(), " and signal ", signal());
    return cat("stopped by signal ", signal());
}

} // namespace cr::sys
