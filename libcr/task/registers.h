// Registers of a thread between ptrace's form and the image's. The image splits the xsave area into its
// components; which of them there are, and where they lie in an area of this CPU, cpuid leaf 13 says.
#pragma once

#include "core.pb.h"

#include <array>
#include <asm/ldt.h>
#include <cstdint>
#include <sys/user.h>
#include <vector>

namespace cr::task
{

// Entries of set_thread_area(2) in the table of a thread.
inline constexpr unsigned kFirstThreadArea = 12, kThreadAreas = 3;

// Whether the image is of a thread that runs 32-bit code.
inline bool runs_32_bit(const img::core_entry &core)
{
    return core.thread_info().gpregs().mode() == img::COMPAT;
}
// The areas of local storage of such a one, to be set in a stopped thread before its registers.
std::vector<user_desc> thread_areas(const img::core_entry &core);

void put_registers(const user_regs_struct &regs, img::user_x86_regs_entry &out);
user_regs_struct get_registers(const img::user_x86_regs_entry &in);

// Where the components lie in an uncompacted area, which is the form that ptrace has.
struct XsavePlace {
    uint32_t size = 0, offset = 0; // size 0: not there
};
struct XsaveLayout {
    uint32_t size = 576;               // of the area: the legacy part and the header
    std::array<XsavePlace, 32> places; // by bit of XCR0
};
// XCR0: the components that the kernel enabled of all that the CPU has. 0 where it enabled nothing.
uint64_t enabled_components();
// Of this CPU: of what its kernel has enabled.
const XsaveLayout &xsave_layout();

void put_xsave(const std::vector<uint8_t> &area, img::user_x86_fpregs_entry &out,
               const XsaveLayout &layout = xsave_layout());
// An area as PTRACE_SETREGSET(NT_X86_XSTATE) takes it on the CPU of the layout, whatever was the size of the
// one that it was saved from. Throws when the thread uses components that this CPU has not, with all their
// names, or when one is of another size. What a program cannot tell from unused is no use.
std::vector<uint8_t> get_xsave(const img::user_x86_fpregs_entry &in,
                               const XsaveLayout &layout = xsave_layout());

} // namespace cr::task
