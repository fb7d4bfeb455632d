#include "libcr/sys/cpus.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"

#include <fcntl.h>
#include <unistd.h>

namespace cr::sys
{

uint32_t possible_cpus()
{
    constexpr const char *kPossible = "/sys/devices/system/cpu/possible";
    if (long fd = try_open_at(AT_FDCWD, kPossible, O_RDONLY); fd >= 0) {
        Fd file(static_cast<int>(fd));
        char text[256];
        std::string_view list = trim({text, read_up_to(file.get(), text, sizeof text, kPossible)});
        if (auto last = parse_int<uint32_t>(list.substr(list.find_last_of(",-") + 1))) // "0-3", or "0"
            return *last + 1;
    }
    return static_cast<uint32_t>(::sysconf(_SC_NPROCESSORS_CONF));
}

} // namespace cr::sys
