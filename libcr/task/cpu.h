// What the CPU of a dump could do, as cpuinfo.img keeps it, and what of it another CPU lacks.
//
// A program asks the CPU at its start and chooses its code by the answer, so it may use later whatever was
// there then. Only what programs can see counts: an instruction set whose registers the kernel did not enable
// was never there for them, and hints that older CPUs take for nothing are not missed.
#pragma once

#include "cpuinfo.pb.h"
#include "libcr/base/cpu_cap.h"
#include "libcr/image/dir.h"

#include <string>
#include <vector>

namespace cr::task
{

img::cpuinfo_entry this_cpu();

// Names, as /proc/cpuinfo has them, of what is in `there` and not `here`; `parts` are bits of cpu_cap.h.
std::vector<std::string> lacking(const img::cpuinfo_x86_entry &there, const img::cpuinfo_x86_entry &here,
                                 uint32_t parts);

void write_cpuinfo(const image::Dir &dir);
// Throws when the images need more than this CPU has. Without kCpuImage in `parts` nothing is asked for, and
// an image that is there makes no more than a warning.
void check_cpuinfo(const image::Dir &dir, uint32_t parts, const img::cpuinfo_entry &here = this_cpu());

} // namespace cr::task
