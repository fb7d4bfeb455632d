#include "libcr/task/registers.h"

#include <catch2/catch.hpp>
#include <sys/syscall.h>

using namespace cr;

TEST_CASE("an interrupted call stands in the image as about to be made, and comes back as it was")
{
    user_regs_struct regs{};
    regs.rip = 0x401002;
    regs.orig_rax = SYS_pause;
    regs.rax = static_cast<uint64_t>(-514);
    img::user_x86_regs_entry entry;
    task::put_registers(regs, entry);
    CHECK(entry.ip() == 0x401000);
    CHECK(entry.ax() == SYS_pause);
    user_regs_struct back = task::get_registers(entry);
    CHECK(back.rip == regs.rip);
    CHECK(back.rax == regs.rax);
    CHECK(back.orig_rax == regs.orig_rax);
}

TEST_CASE("a call that has ended, and a thread that is in none, stay as they are")
{
    user_regs_struct regs{};
    regs.rip = 0x401002;
    regs.orig_rax = static_cast<uint64_t>(GENERATE(-1l, SYS_read));
    regs.rax = regs.orig_rax == SYS_read ? static_cast<uint64_t>(-4) : static_cast<uint64_t>(-514);
    img::user_x86_regs_entry entry;
    task::put_registers(regs, entry);
    CHECK(entry.ip() == regs.rip);
    CHECK(entry.ax() == regs.rax);
    CHECK_FALSE(entry.has_cr_restart());
    CHECK(task::get_registers(entry).rip == regs.rip);
}
