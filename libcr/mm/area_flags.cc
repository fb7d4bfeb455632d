#include "libcr/mm/area_flags.h"

#include "libcr/base/error.h"

#include <algorithm>
#include <unistd.h>

namespace cr::mm
{

namespace
{

// Whether our own areas have the flags that smaps shows. Other threads may change them meanwhile.
bool agrees_with_smaps(const sys::AreaFlagReader &source)
{
    auto own = source.of(::getpid());
    std::vector<proc::Area> areas = proc::read_smaps(proc::PidDir(::getpid()));
    size_t equal = 0;
    for (const sys::AreaFlags &each : own.value_or(std::vector<sys::AreaFlags>())) {
        auto area = std::find_if(areas.begin(), areas.end(),
                                 [&](const proc::Area &a) { return a.start.value == each.start; });
        auto flags = proc::vm_flags_of(each.flags);
        if (area == areas.end() || area->end.value != each.end || !flags)
            continue;
        if (!(*flags == area->flags))
            return false;
        equal++;
    }
    return equal > 0;
}

} // namespace

bool FlagReader::there()
{
    std::call_once(tried_, [&] {
        source_ = sys::AreaFlagReader::make();
        if (source_ && !agrees_with_smaps(*source_))
            source_.reset();
    });
    return source_.has_value();
}

bool set_flags(std::span<proc::Area> areas, std::span<const sys::AreaFlags> flags)
{
    auto next = flags.begin();
    for (proc::Area &area : areas) {
        if (area.path == "[vsyscall]") // nobody's area
            continue;
        if (next == flags.end() || next->start != area.start.value || next->end != area.end.value)
            return false;
        auto known = proc::vm_flags_of(next->flags);
        if (!known)
            return false;
        area.flags = *known;
        ++next;
    }
    return next == flags.end();
}

} // namespace cr::mm
