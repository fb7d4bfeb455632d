// The words of the image are those of the kernel's table of CPU features, of which most are registers of one
// CPUID leaf. Words 3, 7 and 8 are made up by the kernel, others differ between writers: both are left out of
// every comparison.
#include "libcr/task/cpu.h"

#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/image/reader.h"
#include "libcr/image/writer.h"
#include "libcr/task/registers.h"

#include <algorithm>
#include <array>
#include <cpuid.h>
#include <cstring>
#include <set>

namespace cr::task
{

namespace
{

constexpr uint32_t kVersion = 2;
constexpr size_t kWords = 19;
constexpr int kLeaf71 = -1; // not one of the words: a field of its own

struct Leaf {
    uint32_t a = 0, b = 0, c = 0, d = 0;
};

Leaf cpuid(uint32_t leaf, uint32_t sub = 0)
{
    Leaf out;
    if (leaf <= static_cast<uint32_t>(__get_cpuid_max(leaf & 0x80000000, nullptr)))
        __cpuid_count(leaf, sub, out.a, out.b, out.c, out.d);
    return out;
}

struct Feature {
    const char *name;
    int word, bit;
    uint64_t registers = 0; // bits of XCR0 without which the instructions are not there
};

constexpr uint64_t kYmm = 1 << 2, kZmm = 7 << 5 | kYmm, kTiles = 3 << 17;

// Instructions that user space can run, and that do something else, or nothing but SIGILL, where they are
// not. Not here: hints (prefetchw, cldemote, HLE) and bounds checks (MPX), which are nothing on a CPU without
// them, what only the kernel can use, and what is only about speed (erms, fsrm).
constexpr Feature kInstructions[] = {
    {"fpu", 0, 0},
    {"tsc", 0, 4},
    {"cx8", 0, 8},
    {"cmov", 0, 15},
    {"clflush", 0, 19},
    {"mmx", 0, 23},
    {"fxsr", 0, 24},
    {"sse", 0, 25},
    {"sse2", 0, 26},
    {"syscall", 1, 11},
    {"mmxext", 1, 22},
    {"rdtscp", 1, 27},
    {"lm", 1, 29},
    {"3dnowext", 1, 30},
    {"3dnow", 1, 31},
    {"pni", 4, 0},
    {"pclmulqdq", 4, 1},
    {"ssse3", 4, 9},
    {"fma", 4, 12, kYmm},
    {"cx16", 4, 13},
    {"sse4_1", 4, 19},
    {"sse4_2", 4, 20},
    {"movbe", 4, 22},
    {"popcnt", 4, 23},
    {"aes", 4, 25},
    {"osxsave", 4, 27},
    {"avx", 4, 28, kYmm},
    {"f16c", 4, 29, kYmm},
    {"rdrand", 4, 30},
    {"lahf_lm", 6, 0},
    {"abm", 6, 5},
    {"sse4a", 6, 6},
    {"misalignsse", 6, 7},
    {"xop", 6, 11, kYmm},
    {"fma4", 6, 16, kYmm},
    {"tbm", 6, 21},
    {"mwaitx", 6, 29},
    {"fsgsbase", 9, 0},
    {"bmi1", 9, 3},
    {"avx2", 9, 5, kYmm},
    {"bmi2", 9, 8},
    {"rtm", 9, 11},
    {"avx512f", 9, 16, kZmm},
    {"avx512dq", 9, 17, kZmm},
    {"rdseed", 9, 18},
    {"adx", 9, 19},
    {"avx512ifma", 9, 21, kZmm},
    {"clflushopt", 9, 23},
    {"clwb", 9, 24},
    {"avx512pf", 9, 26, kZmm},
    {"avx512er", 9, 27, kZmm},
    {"avx512cd", 9, 28, kZmm},
    {"sha_ni", 9, 29},
    {"avx512bw", 9, 30, kZmm},
    {"avx512vl", 9, 31, kZmm},
    {"xsaveopt", 10, 0, 3},
    {"xsavec", 10, 1, 3},
    {"xgetbv1", 10, 2, 3},
    {"avx512vbmi", 11, 1, kZmm},
    {"waitpkg", 11, 5},
    {"avx512_vbmi2", 11, 6, kZmm},
    {"gfni", 11, 8},
    {"vaes", 11, 9, kYmm},
    {"vpclmulqdq", 11, 10, kYmm},
    {"avx512_vnni", 11, 11, kZmm},
    {"avx512_bitalg", 11, 12, kZmm},
    {"avx512_vpopcntdq", 11, 14, kZmm},
    {"rdpid", 11, 22},
    {"movdiri", 11, 27},
    {"movdir64b", 11, 28},
    {"clzero", 13, 0},
    {"rdpru", 13, 4},
    {"avx512_4vnniw", 18, 2, kZmm},
    {"avx512_4fmaps", 18, 3, kZmm},
    {"avx512_vp2intersect", 18, 8, kZmm},
    {"serialize", 18, 14},
    {"amx_bf16", 18, 22, kTiles},
    {"avx512_fp16", 18, 23, kZmm},
    {"amx_tile", 18, 24, kTiles},
    {"amx_int8", 18, 25, kTiles},
    {"sha512", kLeaf71, 0, kYmm},
    {"sm3", kLeaf71, 1, kYmm},
    {"sm4", kLeaf71, 2, kYmm},
    {"avx_vnni", kLeaf71, 4, kYmm},
    {"avx512_bf16", kLeaf71, 5, kZmm},
    {"cmpccxadd", kLeaf71, 7},
    {"amx_fp16", kLeaf71, 21, kTiles},
    {"avx_ifma", kLeaf71, 23, kYmm},
};

struct Component {
    int bit;
    const char *name;
};
constexpr Component kComponents[] = {
    {2, "avx registers"},   {5, "avx512 masks"}, {6, "avx512 upper halves"}, {7, "avx512 high registers"},
    {9, "protection keys"}, {17, "amx config"},  {18, "amx tiles"}};

// Those that mean the same to every writer of an image.
constexpr int kCommonWords[] = {0, 1, 4, 6, 9, 10, 11};

uint32_t word(const img::cpuinfo_x86_entry &cpu, int index)
{
    if (index == kLeaf71)
        return cpu.cr_leaf_7_1_eax();
    return index < cpu.capability_size() ? cpu.capability(index) : 0;
}

bool usable(const img::cpuinfo_x86_entry &cpu, const Feature &one)
{
    bool registers = !cpu.has_xfeatures_mask() || (cpu.xfeatures_mask() & one.registers) == one.registers;
    return registers && word(cpu, one.word) >> one.bit & 1;
}

// Words 12 and up are believed of our own images only.
bool comparable(const img::cpuinfo_x86_entry &there, const Feature &one)
{
    return (one.word >= 0 && one.word < 12) || there.has_cr_leaf_7_1_eax();
}

std::string model_name()
{
    std::array<char, 49> text{};
    for (uint32_t i = 0; i < 3; i++) {
        Leaf leaf = cpuid(0x80000002 + i);
        memcpy(text.data() + 16 * i, &leaf, 16);
    }
    return std::string(trim(text.data()));
}

img::cpuinfo_x86_entry::vendor vendor()
{
    Leaf leaf = cpuid(0);
    char name[12];
    memcpy(name, &leaf.b, 4);
    memcpy(name + 4, &leaf.d, 4);
    memcpy(name + 8, &leaf.c, 4);
    std::string_view text(name, sizeof name);
    return text == "GenuineIntel"   ? img::cpuinfo_x86_entry::INTEL
           : text == "AuthenticAMD" ? img::cpuinfo_x86_entry::AMD
                                    : img::cpuinfo_x86_entry::UNKNOWN;
}

void put_signature(uint32_t eax, img::cpuinfo_x86_entry &out)
{
    uint32_t family = eax >> 8 & 15, model = eax >> 4 & 15;
    if (family == 15)
        family += eax >> 20 & 255;
    if (family >= 6)
        model += (eax >> 16 & 15) << 4;
    out.set_cpu_family(family);
    out.set_model(model);
    out.set_stepping(eax & 15);
}

std::string joined(const std::vector<std::string> &words)
{
    std::string out;
    for (const std::string &one : words)
        out += cat(out.empty() ? "" : ", ", one);
    return out;
}

// The closest one: what would be enough to have it accepted.
std::string remedy(const img::cpuinfo_x86_entry &there, const img::cpuinfo_x86_entry &here, uint32_t parts)
{
    if (lacking(there, here, parts & ~kCpuAll).empty())
        return "no program can tell the difference: --cpu-cap=ins accepts it";
    std::string model =
        there.has_model_id() ? cat(" (they come from ", printable(there.model_id()), ")") : "";
    if (lacking(there, here, parts & kCpuIns).empty())
        return cat("restore them on a CPU whose kernel has these enabled", model,
                   "; --cpu-cap=ins accepts it, as no instruction is missing");
    return cat(
        "restore them on a CPU with these", model,
        "; --cpu-cap=none accepts it if the programs do not use them; GLIBC_TUNABLES=glibc.cpu.hwcaps=-NAME "
        "at their start keeps the C library from it");
}

const img::cpuinfo_x86_entry &x86(const img::cpuinfo_entry &cpus, const char *what)
{
    if (cpus.x86_entry_size() != 1)
        bad_image(cat(what, " describes ", cpus.x86_entry_size(), " x86 CPUs where one belongs"));
    return cpus.x86_entry(0);
}

} // namespace

img::cpuinfo_entry this_cpu()
{
    img::cpuinfo_entry all;
    img::cpuinfo_x86_entry &out = *all.add_x86_entry();
    Leaf basic = cpuid(1), extended = cpuid(0x80000001), seven = cpuid(7), xsave = cpuid(13);
    std::array<uint32_t, kWords> words{};
    words[0] = basic.d;
    words[1] = extended.d;
    words[4] = basic.c;
    words[6] = extended.c;
    words[9] = seven.b;
    words[10] = cpuid(13, 1).a;
    words[11] = seven.c;
    words[13] = cpuid(0x80000008).b;
    words[14] = cpuid(6).a;
    words[18] = seven.d;
    out.set_vendor_id(vendor());
    put_signature(basic.a, out);
    out.set_capability_ver(kVersion);
    for (uint32_t one : words)
        out.add_capability(one);
    out.set_model_id(model_name());
    out.set_xfeatures_mask(enabled_components());
    out.set_xsave_size(xsave.b);
    out.set_xsave_size_max(xsave.c);
    out.set_cr_leaf_7_1_eax(seven.a >= 1 ? cpuid(7, 1).a : 0);
    return all;
}

std::vector<std::string> lacking(const img::cpuinfo_x86_entry &there, const img::cpuinfo_x86_entry &here,
                                 uint32_t parts)
{
    std::vector<std::string> out;
    std::set<std::pair<int, int>> told;
    if (parts & (kCpuIns | kCpuAll))
        for (const Feature &one : kInstructions)
            if (comparable(there, one) && usable(there, one) && !usable(here, one)) {
                out.emplace_back(one.name);
                told.emplace(one.word, one.bit);
            }
    if (parts & kCpuFpu)
        for (const Component &one : kComponents)
            if (there.xfeatures_mask() & ~here.xfeatures_mask() & 1ull << one.bit)
                out.emplace_back(one.name);
    if (!(parts & kCpuAll))
        return out;
    for (int index : kCommonWords)
        for (int bit = 0; bit < 32; bit++)
            if ((word(there, index) ^ word(here, index)) >> bit & 1 && !told.count({index, bit}))
                out.push_back(
                    cat("word ", index, " bit ", bit, word(here, index) >> bit & 1 ? " (only here)" : ""));
    return out;
}

void write_cpuinfo(const image::Dir &dir) { image::write_one(dir, image::Kind::Cpuinfo, 0, this_cpu()); }

void check_cpuinfo(const image::Dir &dir, uint32_t parts, const img::cpuinfo_entry &here)
{
    if (!(parts & kCpuImage) && !dir.has(image::Kind::Cpuinfo))
        return;
    auto image = image::read_optional<img::cpuinfo_entry>(dir, image::Kind::Cpuinfo);
    if (!image)
        refused(cat("there is no cpuinfo.img in ", printable(dir.path())),
                "dump with --cpu-cap, or restore without it");
    const img::cpuinfo_x86_entry &there = x86(*image, "cpuinfo.img"), &now = x86(here, "the caller");
    if (there.capability_ver() != 1 && there.capability_ver() != kVersion)
        refused(cat("cpuinfo.img has words of version ", there.capability_ver(), ", known are 1 and 2"),
                "--cpu-cap=none does not look at it");
    bool asked = parts & kCpuImage;
    auto missing = lacking(there, now, asked ? parts : parts & kCpuIns);
    if (missing.empty())
        return;
    if (!asked)
        log::warning("the CPU of the dump had what this one lacks: ", joined(missing));
    else
        refused(cat("the CPU lacks what the tasks may use: ", joined(missing)), remedy(there, now, parts));
}

} // namespace cr::task
