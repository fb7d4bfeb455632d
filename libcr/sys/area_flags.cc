#include "libcr/sys/area_flags.h"

#include "libcr/sys/bpf.h"
#include "libcr/sys/btf.h"
#include "libcr/sys/gate.h"

#include <sys/syscall.h>

namespace cr::sys
{

namespace
{

using namespace bpf;

// The context is struct bpf_iter__task_vma { meta at 0, task at 8, vma at 16 }; an AreaFlags is put together
// on the stack.
std::vector<bpf_insn> program(int start, int end, int flags)
{
    std::vector<bpf_insn> code = {
        insn(kMove, 6, 1, 0, 0),
        insn(kLoad, 7, 6, 16, 0),                    // r7 = vma
        insn(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 0, 0), // none: to the end (set below)
    };
    int to = -static_cast<int>(sizeof(AreaFlags));
    for (int from : {start, end, flags}) {
        code.push_back(insn(kLoad, 2, 7, from, 0));
        code.push_back(insn(kStore, 10, 2, to, 0));
        to += 8;
    }
    code.insert(code.end(), {
                                insn(kLoad, 1, 6, 0, 0),
                                insn(kLoad, 1, 1, 0, 0), // r1 = the seq_file
                                insn(kMove, 2, 10, 0, 0),
                                insn(alu(BPF_ADD), 2, 0, 0, -static_cast<int>(sizeof(AreaFlags))),
                                insn(kSet, 3, 0, 0, sizeof(AreaFlags)),
                                insn(kCall, 0, 0, 0, BPF_FUNC_seq_write),
                                insn(kSet, 0, 0, 0, 0), // go on
                                insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
                            });
    code[2].off = static_cast<__s16>(code.size() - 2 - 3);
    return code;
}

} // namespace

std::optional<AreaFlagReader> AreaFlagReader::make()
{
    auto btf = Btf::of_kernel();
    uint32_t function = btf ? btf->function("bpf_iter_task_vma") : 0;
    if (!function)
        return std::nullopt;
    auto start = btf->member("vm_area_struct", "vm_start"), end = btf->member("vm_area_struct", "vm_end"),
         flags = btf->member("vm_area_struct", "vm_flags");
    if (!start || !end || !flags)
        return std::nullopt;
    std::vector<bpf_insn> code =
        program(static_cast<int>(*start), static_cast<int>(*end), static_cast<int>(*flags));
    long loaded = load_iterator(code, function);
    if (loaded < 0)
        return std::nullopt;
    return AreaFlagReader(Fd(static_cast<int>(loaded)));
}

std::optional<std::vector<AreaFlags>> AreaFlagReader::of(pid_t tid) const
{
    Fd iterator = iterate(program_.get(), tid, 0);
    if (!iterator)
        return std::nullopt;
    std::vector<AreaFlags> out;
    AreaFlags buffer[2048];
    long n;
    while ((n = call(SYS_read, iterator.get(), buffer, sizeof buffer)) > 0) {
        if (static_cast<size_t>(n) % sizeof(AreaFlags))
            return std::nullopt;
        for (size_t i = 0; i < static_cast<size_t>(n) / sizeof(AreaFlags); i++) {
            if (!out.empty() && buffer[i].start < out.back().end) // it begins anew, on some kernels without end
                return out;
            out.push_back(buffer[i]);
        }
    }
    if (n < 0)
        return std::nullopt;
    return out;
}

} // namespace cr::sys
