#include "libcr/cli/log_setup.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/cli/options.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cr::cli
{

namespace
{

constexpr uint32_t kPipeline = kFreeze | kStages | kThaw;

int open_log(const Common &common, uint32_t commands)
{
    if (common.log_file.empty())
        return STDERR_FILENO;
    if (common.log_file == "-") {
        if (commands & kPipeline)
            usage("the log cannot go to stdout, where the session goes", "name a file");
        // A copy, since stages that we fork have something else as their stdout.
        int copy = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        return copy < 0 ? STDERR_FILENO : copy;
    }
    bool adds = commands & (kStages | kThaw);
    std::string path = common.log_file;
    if (!adds && !path.starts_with('/'))
        path = cat(common.work_dir, "/", path);
    // A dump makes its image directory; the log, which begins before, may be the first to need it.
    if (commands & (kDump | kFreeze))
        ::mkdir(common.work_dir.c_str(), 0700);
    // Not RAII: the log stays open until the process ends.
    int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (adds ? 0 : O_TRUNC), 0600);
    if (fd < 0)
        failed(cat("open the log file ", printable(path)));
    return fd;
}

} // namespace

void start_log(const Parsed &parsed, const std::string &name)
{
    bool inner = !log::tool().empty();
    log::speak_as(name);
    if (inner)
        return;
    Common common = common_options(parsed);
    log::Config config = log::config();
    config.fd = open_log(common, parsed.commands());
    config.level = common.log_level;
    log::configure(config);
}

} // namespace cr::cli
