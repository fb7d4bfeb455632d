// The floating-point state of a thread, between the form that ptrace(2) has and that of the image.
//
// Where the area has which component differs from CPU to CPU, and only the CPUID instruction tells. Under a
// hypervisor each of those costs some microseconds, and a dump of a thousand threads would ask some ten
// thousand times: so it is asked once.
#include "libcr/task/registers.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"

#include <algorithm>
#include <array>
#include <cpuid.h>
#include <cstring>

namespace cr::task
{

namespace
{

// Legacy FXSAVE area, Intel SDM vol. 1, 10.5.1.
constexpr size_t kFxsaveSize = 512, kHeader = 512, kXsaveMin = 576;

struct Component {
    int bit;
    const char *name;
    uint32_t size; // as the image holds it
};
constexpr Component kYmm{2, "AVX", 256}, kBndregs{3, "MPX bounds", 64}, kBndcsr{4, "MPX config", 64},
    kOpmask{5, "AVX-512 masks", 64}, kZmmHi{6, "AVX-512 upper halves", 512},
    kHi16{7, "AVX-512 high registers", 1024}, kPkru{9, "protection keys", 8};

// What the kernel gives a thread that has no protection keys of its own: no key but 0 is open.
constexpr uint64_t kPkruOfKernel = 0x55555554;

XsaveLayout ask_cpu()
{
    XsaveLayout out;
    uint64_t mask = enabled_components();
    uint32_t a = 0, size = 0, c = 0, d = 0;
    if (!mask || !__get_cpuid_count(13, 0, &a, &size, &c, &d))
        return out;
    out.size = std::max(size, out.size);
    for (const Component &component : {kYmm, kBndregs, kBndcsr, kOpmask, kZmmHi, kHi16, kPkru}) {
        auto bit = static_cast<uint32_t>(component.bit);
        XsavePlace &place = out.places[bit];
        if (mask & (1u << bit))
            __cpuid_count(13, bit, place.size, place.offset, c, d);
    }
    return out;
}

const XsavePlace &place_of(const XsaveLayout &layout, const Component &component)
{
    return layout.places[static_cast<size_t>(component.bit)];
}

template <class T> T load(const std::vector<uint8_t> &area, size_t at)
{
    T value;
    memcpy(&value, area.data() + at, sizeof value);
    return value;
}

template <class T> void store(std::vector<uint8_t> &area, size_t at, T value)
{
    memcpy(area.data() + at, &value, sizeof value);
}

template <class T, class Field>
void put_component(const std::vector<uint8_t> &area, const XsaveLayout &layout, const Component &component,
                   Field &field)
{
    const XsavePlace &place = place_of(layout, component);
    if (!place.size || place.offset + component.size > area.size())
        return;
    for (uint32_t at = 0; at < component.size; at += sizeof(T))
        field.Add(load<T>(area, place.offset + at));
}

// The components of an image, on their way into an area.
struct Unpacking {
    std::vector<uint8_t> &area;
    const XsaveLayout &layout;
    uint64_t bv; // which of them are in use; those that need not be are taken out
    std::string missing = {};

    template <class T, class Field> void component(const Component &one, const Field &field)
    {
        uint64_t bit = 1ull << one.bit;
        if (!(bv & bit))
            return;
        if (static_cast<size_t>(field.size()) * sizeof(T) != one.size)
            bad_image(
                cat(one.name, " state of ", field.size(), " words where ", one.size / sizeof(T), " belong"));
        const XsavePlace &place = place_of(layout, one);
        if (place.size && place.offset + one.size <= area.size()) {
            for (uint32_t i = 0; i < one.size / sizeof(T); i++)
                store<T>(area, place.offset + i * sizeof(T), field.Get(static_cast<int>(i)));
            return;
        }
        bv &= ~bit;
        if (!as_unused(one, field))
            missing += cat(missing.empty() ? "" : ", ", one.name);
    }

    template <class Field> static bool as_unused(const Component &one, const Field &field)
    {
        auto unused = [&](uint64_t word) {
            return !word || (one.bit == kPkru.bit && (word & 0xffffffff) == kPkruOfKernel);
        };
        return std::all_of(field.begin(), field.end(), unused);
    }
};

// Components that neither form of the state has a place for, as the tiles of AMX.
void refuse_unknown(uint64_t bv)
{
    constexpr uint64_t kKnown = 0x2ff;
    if (bv & ~kKnown)
        refused(cat("the task uses CPU state that is not supported (components ", hex(bv & ~kKnown), ")"));
}

constexpr uint64_t kSyscallSize = 2; // of the instruction

// ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK of the kernel's linux/errno.h
constexpr bool restart_code(uint64_t code) { return (code >= 512 && code <= 514) || code == 516; }

bool interrupted(const user_regs_struct &regs)
{
    return static_cast<int64_t>(regs.orig_rax) >= 0 && restart_code(-regs.rax);
}

} // namespace

uint64_t enabled_components()
{
    uint32_t a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return 0;
    asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return static_cast<uint64_t>(d) << 32 | a;
}

const XsaveLayout &xsave_layout()
{
    static const XsaveLayout kLayout = ask_cpu();
    return kLayout;
}

// A call that a signal would interrupt is seen with a result that only the kernel may see. It stands in the
// image as about to be made, which any reader can restore.
void put_registers(const user_regs_struct &regs, img::user_x86_regs_entry &out)
{
    // clang-format off
    out.set_r15(regs.r15); out.set_r14(regs.r14); out.set_r13(regs.r13); out.set_r12(regs.r12);
    out.set_bp(regs.rbp); out.set_bx(regs.rbx); out.set_r11(regs.r11); out.set_r10(regs.r10);
    out.set_r9(regs.r9); out.set_r8(regs.r8); out.set_ax(regs.rax); out.set_cx(regs.rcx);
    out.set_dx(regs.rdx); out.set_si(regs.rsi); out.set_di(regs.rdi); out.set_orig_ax(regs.orig_rax);
    out.set_ip(regs.rip); out.set_cs(regs.cs); out.set_flags(regs.eflags); out.set_sp(regs.rsp);
    out.set_ss(regs.ss); out.set_fs_base(regs.fs_base); out.set_gs_base(regs.gs_base);
    out.set_ds(regs.ds); out.set_es(regs.es); out.set_fs(regs.fs); out.set_gs(regs.gs);
    // clang-format on
    out.set_mode(regs.cs == sys::kCode32 ? img::COMPAT : img::NATIVE);
    if (interrupted(regs)) {
        out.set_ax(regs.orig_rax);
        out.set_ip(regs.rip - kSyscallSize);
        out.set_cr_restart(static_cast<uint32_t>(-regs.rax));
    }
}

user_regs_struct get_registers(const img::user_x86_regs_entry &in)
{
    user_regs_struct regs{};
    // clang-format off
    regs.r15 = in.r15(); regs.r14 = in.r14(); regs.r13 = in.r13(); regs.r12 = in.r12();
    regs.rbp = in.bp(); regs.rbx = in.bx(); regs.r11 = in.r11(); regs.r10 = in.r10();
    regs.r9 = in.r9(); regs.r8 = in.r8(); regs.rax = in.ax(); regs.rcx = in.cx();
    regs.rdx = in.dx(); regs.rsi = in.si(); regs.rdi = in.di(); regs.orig_rax = in.orig_ax();
    regs.rip = in.ip(); regs.cs = in.cs(); regs.eflags = in.flags(); regs.rsp = in.sp();
    regs.ss = in.ss(); regs.fs_base = in.fs_base(); regs.gs_base = in.gs_base();
    regs.ds = in.ds(); regs.es = in.es(); regs.fs = in.fs(); regs.gs = in.gs();
    // clang-format on
    if (in.has_cr_restart()) {
        regs.rax = -static_cast<uint64_t>(in.cr_restart());
        regs.rip += kSyscallSize;
    }
    return regs;
}

void put_xsave(const std::vector<uint8_t> &area, img::user_x86_fpregs_entry &out, const XsaveLayout &layout)
{
    if (area.size() < kFxsaveSize)
        failed_with(0, "understand the floating-point registers");
    out.set_cwd(load<uint16_t>(area, 0));
    out.set_swd(load<uint16_t>(area, 2));
    out.set_twd(load<uint16_t>(area, 4));
    out.set_fop(load<uint16_t>(area, 6));
    out.set_rip(load<uint64_t>(area, 8));
    out.set_rdp(load<uint64_t>(area, 16));
    out.set_mxcsr(load<uint32_t>(area, 24));
    out.set_mxcsr_mask(load<uint32_t>(area, 28));
    for (size_t at = 32; at < 160; at += 4)
        out.add_st_space(load<uint32_t>(area, at));
    for (size_t at = 160; at < 416; at += 4)
        out.add_xmm_space(load<uint32_t>(area, at));
    for (size_t at = 416; at < 512; at += 4)
        out.add_padding(load<uint32_t>(area, at));
    if (area.size() < kXsaveMin)
        return;
    img::user_x86_xsave_entry &xsave = *out.mutable_xsave();
    xsave.set_xstate_bv(load<uint64_t>(area, kHeader));
    put_component<uint32_t>(area, layout, kYmm, *xsave.mutable_ymmh_space());
    put_component<uint64_t>(area, layout, kBndregs, *xsave.mutable_bndreg_state());
    put_component<uint64_t>(area, layout, kBndcsr, *xsave.mutable_bndcsr_state());
    put_component<uint64_t>(area, layout, kOpmask, *xsave.mutable_opmask_reg());
    put_component<uint64_t>(area, layout, kZmmHi, *xsave.mutable_zmm_upper());
    put_component<uint64_t>(area, layout, kHi16, *xsave.mutable_hi16_zmm());
    put_component<uint32_t>(area, layout, kPkru, *xsave.mutable_pkru());
}

std::vector<uint8_t> get_xsave(const img::user_x86_fpregs_entry &in, const XsaveLayout &layout)
{
    std::vector<uint8_t> area(layout.size);
    if (in.st_space_size() != 32 || in.xmm_space_size() != 64)
        bad_image("the floating-point state has not 8 x87 and 16 SSE registers");
    store(area, 0, static_cast<uint16_t>(in.cwd()));
    store(area, 2, static_cast<uint16_t>(in.swd()));
    store(area, 4, static_cast<uint16_t>(in.twd()));
    store(area, 6, static_cast<uint16_t>(in.fop()));
    store(area, 8, in.rip());
    store(area, 16, in.rdp());
    store(area, 24, in.mxcsr());
    store(area, 28, in.mxcsr_mask());
    for (int i = 0; i < 32; i++)
        store(area, 32 + 4 * static_cast<size_t>(i), in.st_space(i));
    for (int i = 0; i < 64; i++)
        store(area, 160 + 4 * static_cast<size_t>(i), in.xmm_space(i));
    uint64_t bv = 3; // x87 and SSE
    if (in.has_xsave()) {
        const img::user_x86_xsave_entry &xsave = in.xsave();
        Unpacking unpacking{area, layout, xsave.xstate_bv()};
        unpacking.component<uint32_t>(kYmm, xsave.ymmh_space());
        unpacking.component<uint64_t>(kBndregs, xsave.bndreg_state());
        unpacking.component<uint64_t>(kBndcsr, xsave.bndcsr_state());
        unpacking.component<uint64_t>(kOpmask, xsave.opmask_reg());
        unpacking.component<uint64_t>(kZmmHi, xsave.zmm_upper());
        unpacking.component<uint64_t>(kHi16, xsave.hi16_zmm());
        unpacking.component<uint32_t>(kPkru, xsave.pkru());
        bv = unpacking.bv;
        if (!unpacking.missing.empty())
            refused(cat("the task uses CPU state that is not to be had here: ", unpacking.missing),
                    "restore it on a machine whose CPU and kernel have these features");
        refuse_unknown(bv);
    }
    store(area, kHeader, bv);
    return area;
}

static void capture_registers(const ThreadFacts &facts, img::core_entry &core)
{
    core.set_mtype(img::core_entry::X86_64);
    img::thread_info_x86 &info = *core.mutable_thread_info();
    info.set_clear_tid_addr(facts.tid_address);
    put_registers(facts.regs, *info.mutable_gpregs());
    if (facts.call_left_ns)
        core.mutable_thread_core()->set_cr_call_left(*facts.call_left_ns);
    put_xsave(facts.xsave, *info.mutable_fpregs());
    refuse_unknown(info.fpregs().xsave().xstate_bv()); // better now than when the program is gone
    core.mutable_thread_core()->set_blk_sigset(facts.sigmask);
    for (const user_desc &area : facts.areas) {
        img::user_desc_t &out = *info.add_tls();
        out.set_entry_number(area.entry_number);
        out.set_base_addr(area.base_addr);
        out.set_limit(area.limit);
        out.set_seg_32bit(area.seg_32bit);
        out.set_contents_h(area.contents & 2);
        out.set_contents_l(area.contents & 1);
        out.set_read_exec_only(area.read_exec_only);
        out.set_limit_in_pages(area.limit_in_pages);
        out.set_seg_not_present(area.seg_not_present);
        out.set_usable(area.useable);
    }
}

std::vector<user_desc> thread_areas(const img::core_entry &core)
{
    std::vector<user_desc> out;
    for (const img::user_desc_t &in : core.thread_info().tls()) {
        user_desc &area = out.emplace_back();
        area.entry_number = in.entry_number();
        area.base_addr = in.base_addr();
        area.limit = in.limit();
        area.seg_32bit = in.seg_32bit();
        area.contents = (in.contents_h() ? 2u : 0u) | (in.contents_l() ? 1u : 0u);
        area.read_exec_only = in.read_exec_only();
        area.limit_in_pages = in.limit_in_pages();
        area.seg_not_present = in.seg_not_present();
        area.useable = in.usable();
    }
    return out;
}

static void check_registers(const img::core_entry &core, bool leader, const Host &)
{
    if (leader && core.tc().task_state() == 2)
        return; // a zombie has no registers
    if (leader && core.tc().has_cr_leader_exit_code())
        return; // nor has a thread that has ended
    if (!core.has_thread_info())
        bad_image("the core image has no registers");
    const img::user_x86_regs_entry &regs = core.thread_info().gpregs();
    bool code_32 = runs_32_bit(core);
    if (regs.cs() != (code_32 ? sys::kCode32 : sys::kCode64))
        bad_image(cat("a code segment of ", hex(regs.cs())));
    if (code_32 && (regs.ip() > UINT32_MAX || regs.sp() > UINT32_MAX))
        bad_image("32-bit code at an address of more bits");
    for (const img::user_desc_t &area : core.thread_info().tls())
        if (area.entry_number() < kFirstThreadArea || area.entry_number() >= kFirstThreadArea + kThreadAreas)
            bad_image(cat("an area of local storage with the number ", area.entry_number()));
    constexpr uint64_t kTop = 0x7ffffffff000;
    if (regs.ip() >= kTop || regs.fs_base() >= kTop || regs.gs_base() >= kTop)
        bad_image(cat("instruction pointer ", hex(regs.ip()), " or a segment base is not a user address"));
    if (regs.has_cr_restart() && !restart_code(regs.cr_restart()))
        bad_image(cat("a system call was interrupted with ", regs.cr_restart()));
    get_xsave(core.thread_info().fpregs());
}

extern const Kind kRegisters;
const Kind kRegisters = {"registers", nullptr, capture_registers, check_registers, nullptr};

} // namespace cr::task
