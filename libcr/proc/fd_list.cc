#include "libcr/proc/fd_list.h"

#include "libcr/base/text.h"
#include "libcr/sys/file.h"

#include <numeric>

namespace cr::proc
{

namespace
{

// The size of the table, a power of two above the highest number; 0 when it is not told.
int table_size(std::string_view status)
{
    while (!status.empty()) {
        std::string_view line = take_until(status, '\n');
        if (take_until(line, ':') == "FDSize")
            return parse_int<int>(trim(line)).value_or(0);
    }
    return 0;
}

} // namespace

std::vector<int> candidate_descriptors(const PidDir &dir, std::string_view status)
{
    // Since Linux 6.2 the size of the directory is the number of its entries; before, it is 0.
    auto st = sys::stat_at(dir.fd(), "fd");
    int size = table_size(status);
    if (!st || size > 3 * st->st_size)
        return dir.numbers("fd");
    std::vector<int> all(static_cast<size_t>(size));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

} // namespace cr::proc
