// Programs as people know system calls: lines like strace's,
//   mmap(0x7f0000000000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, 3, 0x1000)  # /lib/x.so
// with the results of earlier operations as #N (the line's number) and data as its place in the region or,
// when it is text, as the text itself.
#pragma once

#include "libcr/program/program.h"

#include <string>
#include <string_view>

namespace cr::program
{

// "mmap" for 9; "syscall_999" for what has no name.
std::string syscall_name(long nr);
// A call with its arguments as numbers (of a task, of a simulator).
std::string print_call(long nr, const std::vector<uint64_t> &args);

// One operation, without number and subject.
std::string print_op(const Region &region, ProgramId program, OpId op);
// A whole program: one numbered line per operation.
std::string print(const Region &region, ProgramId program);

} // namespace cr::program
