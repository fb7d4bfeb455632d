#include "libcr/task/registers.h"

#include "libcr/base/error.h"

#include <catch2/catch.hpp>
#include <cstring>
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

namespace
{

// Made-up CPUs: AVX only; and one with the protection keys and masks of AVX-512, which has AVX elsewhere.
task::XsaveLayout small_cpu()
{
    task::XsaveLayout layout{.size = 832, .places = {}};
    layout.places[2] = {256, 576};
    return layout;
}

task::XsaveLayout large_cpu()
{
    task::XsaveLayout layout{.size = 1200, .places = {}};
    layout.places[2] = {256, 640};
    layout.places[5] = {64, 1000};
    layout.places[9] = {8, 1100};
    return layout;
}

// The state of a thread of the large CPU; each byte of a component is its bit number.
img::user_x86_fpregs_entry state_of(const task::XsaveLayout &cpu, uint64_t used)
{
    std::vector<uint8_t> area(cpu.size);
    memcpy(&area[512], &used, sizeof used);
    for (size_t bit = 2; bit < cpu.places.size(); bit++)
        if (used & (1ull << bit))
            memset(&area[cpu.places[bit].offset], static_cast<int>(bit), cpu.places[bit].size);
    img::user_x86_fpregs_entry out;
    task::put_xsave(area, out, cpu);
    return out;
}

uint64_t used_in(const std::vector<uint8_t> &area)
{
    uint64_t bv;
    memcpy(&bv, &area[512], sizeof bv);
    return bv;
}

std::string refusal_of(const img::user_x86_fpregs_entry &state)
{
    try {
        task::get_xsave(state, small_cpu());
    } catch (const Error &error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST_CASE("floating-point state moves between CPUs whose areas differ in size and order")
{
    bool shrinks = GENERATE(true, false);
    auto from = shrinks ? large_cpu() : small_cpu(), to = shrinks ? small_cpu() : large_cpu();
    auto area = task::get_xsave(state_of(from, 7), to);
    REQUIRE(area.size() == to.size);
    CHECK(used_in(area) == 7);
    for (size_t at = 0; at < 256; at++)
        REQUIRE(area[to.places[2].offset + at] == 2);
}

TEST_CASE("all the CPU features that a thread misses are named at once")
{
    std::string text = refusal_of(state_of(large_cpu(), 7 | 1 << 5 | 1 << 9));
    CHECK(text.find("AVX-512 masks, protection keys") != text.npos);
}

TEST_CASE("state that a program cannot tell from none is not missed")
{
    auto state = state_of(large_cpu(), 7 | 1 << 5 | 1 << 9);
    auto &xsave = *state.mutable_xsave();
    for (auto &word : *xsave.mutable_opmask_reg())
        word = 0;
    xsave.set_pkru(0, 0x55555554);
    xsave.set_pkru(1, 0);
    CHECK(used_in(task::get_xsave(state, small_cpu())) == 7);
    CHECK(used_in(task::get_xsave(state, large_cpu())) == (7 | 1 << 5 | 1 << 9));
    xsave.set_pkru(0, 0x55555550);
    CHECK(refusal_of(state).find("protection keys") != std::string::npos);
}

TEST_CASE("state of components that the image has no place for is refused")
{
    auto state = state_of(small_cpu(), 7);
    state.mutable_xsave()->set_xstate_bv(7 | 1 << 18);
    CHECK(refusal_of(state).find("(components 40000)") != std::string::npos);
}

TEST_CASE("32-bit code is told by its segment, and its areas of local storage come back as they were",
          "[registers]")
{
    using namespace cr::task;
    namespace img = cr::img;
    user_regs_struct regs{};
    regs.cs = 0x23;
    regs.orig_rax = ~0ull;
    img::core_entry core;
    img::thread_info_x86 &info = *core.mutable_thread_info();
    put_registers(regs, *info.mutable_gpregs());
    CHECK(runs_32_bit(core));
    regs.cs = 0x33;
    put_registers(regs, *info.mutable_gpregs());
    CHECK(!runs_32_bit(core));
    CHECK(thread_areas(core).empty());
    img::user_desc_t &area = *info.add_tls();
    area.set_entry_number(12);
    area.set_base_addr(0xf7d00b40);
    area.set_limit(0xfffff);
    area.set_seg_32bit(true);
    area.set_contents_h(true);
    area.set_contents_l(false);
    area.set_read_exec_only(false);
    area.set_limit_in_pages(true);
    area.set_seg_not_present(false);
    area.set_usable(true);
    auto found = thread_areas(core);
    REQUIRE(found.size() == 1);
    CHECK(found[0].entry_number == 12);
    CHECK(found[0].base_addr == 0xf7d00b40);
    CHECK(found[0].contents == 2);
    CHECK(found[0].limit_in_pages);
    CHECK(!found[0].seg_not_present);
}
