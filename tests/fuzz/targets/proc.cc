// Texts of /proc/PID: the first byte of an input says of which file.
#include "libcr/mm/policies.h"
#include "libcr/proc/limits.h"
#include "libcr/proc/maps.h"
#include "libcr/proc/stat.h"
#include "libcr/proc/status.h"
#include "libcr/proc/timers.h"
#include "tests/fuzz/target.h"

using namespace cr;

namespace
{

void parse(char file, std::string_view text)
{
    switch (file) {
    case 's':
        proc::parse_stat(text);
        break;
    case 't':
        proc::parse_status(text);
        break;
    case 'm':
        proc::parse_maps(text);
        break;
    case 'l':
        proc::parse_limits(text);
        break;
    case 'i':
        proc::parse_timers(text);
        break;
    case 'n':
        mm::parse_policy(text);
        break;
    case 'M': { // smaps, in pieces as they are read
        proc::SmapsParser parser;
        for (; !text.empty(); text.remove_prefix(std::min<size_t>(text.size(), 100)))
            parser.feed(text.substr(0, 100));
        parser.take();
        break;
    }
    default:
        break;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size)
        fuzz::tolerate([&] { parse(static_cast<char>(data[0]), fuzz::text_of(data + 1, size - 1)); });
    return 0;
}
