#include "libcr/mm/ldt.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/ldt.h"

#include <asm/ldt.h>
#include <cstring>
#include <sys/syscall.h>
#include <vector>

namespace cr::mm
{

namespace
{

// A descriptor of a code or data segment, as Intel's manual (volume 3, 3.4.5) draws it.
struct Descriptor {
    uint64_t bits;

    uint64_t field(int at, int width) const { return bits >> at & ((uint64_t{1} << width) - 1); }
    bool accepted() const // what modify_ldt can have made: a segment, of users, not of 64-bit code
    {
        return field(44, 1) == 1 && field(45, 2) == 3 && field(53, 1) == 0;
    }
    user_desc request(unsigned number) const
    {
        user_desc out{};
        out.entry_number = number;
        out.base_addr = static_cast<unsigned>(field(16, 24) | field(56, 8) << 24);
        out.limit = static_cast<unsigned>(field(0, 16) | field(48, 4) << 16);
        out.seg_32bit = field(54, 1);
        out.contents = field(42, 2);
        out.read_exec_only = !field(41, 1);
        out.limit_in_pages = field(55, 1);
        out.seg_not_present = !field(47, 1);
        out.useable = field(52, 1);
        return out;
    }
};

template <class See> void for_descriptors(const std::string &table, const See &see)
{
    for (size_t at = 0; at + sys::kLdtEntrySize <= table.size(); at += sys::kLdtEntrySize) {
        Descriptor one{};
        std::memcpy(&one.bits, table.data() + at, sizeof one.bits);
        if (one.bits)
            see(static_cast<unsigned>(at / sys::kLdtEntrySize), one);
    }
}

} // namespace

void check_ldt(const img::mm_entry &mm)
{
    if (mm.cr_ldt().size() % sys::kLdtEntrySize || mm.cr_ldt().size() > sys::kLdtEntries * sys::kLdtEntrySize)
        bad_image(cat("a local descriptor table of ", mm.cr_ldt().size(), " bytes"));
    for_descriptors(mm.cr_ldt(), [](unsigned number, Descriptor one) {
        if (!one.accepted())
            bad_image(cat("descriptor ", number, " (", hex(one.bits), ") is no segment of a user"));
    });
}

void arm_ldt(task::Build &build, const img::mm_entry &mm)
{
    for_descriptors(mm.cr_ldt(), [&](unsigned number, Descriptor one) {
        user_desc request = one.request(number);
        build.program.sys(SYS_modify_ldt,
                          {sys::kWriteLdt, build.region.data(&request, sizeof request), sizeof request},
                          program::On::Fail, cat("descriptor ", number, " of the local descriptor table"));
    });
}

} // namespace cr::mm
