#include "libcr/program/enter.h"

#include "libcr/sys/gate.h"

extern "C" long cr_clone_into(const void *args, size_t size, const cr::program::Start *start);

namespace cr::program
{

long clone_into(const clone_args &args, const Start &start)
{
    sys::Gate gate;
    return gate.refused() ? gate.result() : cr_clone_into(&args, sizeof args, &start);
}

} // namespace cr::program
