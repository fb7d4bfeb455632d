// Registers of a thread between ptrace's form and the image's. The image splits the xsave area into its
// components; which of them there are, and where they lie in an area of this CPU, cpuid leaf 13 says.
#pragma once

#include "core.pb.h"

#include <cstdint>
#include <sys/user.h>
#include <vector>

namespace cr::task
{

void put_registers(const user_regs_struct &regs, img::user_x86_regs_entry &out);
user_regs_struct get_registers(const img::user_x86_regs_entry &in);

void put_xsave(const std::vector<uint8_t> &area, img::user_x86_fpregs_entry &out);
// An area as PTRACE_SETREGSET(NT_X86_XSTATE) takes it on this CPU. Throws when the image has a component that
// this CPU has not, or of another size.
std::vector<uint8_t> get_xsave(const img::user_x86_fpregs_entry &in);

} // namespace cr::task
