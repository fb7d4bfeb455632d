#include "libcr/sys/file_objects.h"

#include "libcr/sys/bpf.h"
#include "libcr/sys/btf.h"
#include "libcr/sys/gate.h"

#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::sys
{

namespace
{

using namespace bpf;

// Where things are in this kernel.
struct Offsets {
    int files, table, close_on_exec, flags, offset;
};

std::optional<Offsets> offsets_in(const Btf &btf)
{
    auto files = btf.member("task_struct", "files"), table = btf.member("files_struct", "fdt"),
         close_on_exec = btf.member("fdtable", "close_on_exec"), flags = btf.member("file", "f_flags"),
         offset = btf.member("file", "f_pos");
    if (!files || !table || !close_on_exec || !flags || !offset)
        return std::nullopt;
    auto number = [](auto &o) { return static_cast<int>(*o); };
    return Offsets{number(files), number(table), number(close_on_exec), number(flags), number(offset)};
}

// The context is struct bpf_iter__task_file { meta at 0, task at 8, u32 fd at 16, file at 24 }; meta begins
// with a pointer to the seq_file. A FileObject is put together on the stack, 24 bytes below r10.
std::vector<bpf_insn> program(const Offsets &at)
{
    std::vector<bpf_insn> code = {
        insn(kMove, 6, 1, 0, 0),                     // r6 = context
        insn(kLoad, 7, 6, 24, 0),                    // r7 = file
        insn(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 0, 0), // none: to the end (set below)
        insn(kLoad, 1, 6, 8, 0),                     // r1 = task
        insn(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0, 0), // none: to the end (set below)
        insn(kLoad32, 8, 6, 16, 0),                  // r8 = fd
        insn(kLoad, 1, 1, at.files, 0),
        insn(kLoad, 1, 1, at.table, 0),
        insn(kLoad, 3, 1, at.close_on_exec, 0), // r3 = the bits of close-on-exec
        insn(kMove, 2, 8, 0, 0),
        insn(alu(BPF_RSH), 2, 0, 0, 6),
        insn(alu(BPF_LSH), 2, 0, 0, 3),
        insn(BPF_ALU64 | BPF_ADD | BPF_X, 3, 2, 0, 0), // r3 = the word with ours
        insn(kMove, 1, 10, 0, 0),
        insn(alu(BPF_ADD), 1, 0, 0, -8),
        insn(kSet, 2, 0, 0, 8),
        insn(kCall, 0, 0, 0, BPF_FUNC_probe_read_kernel),
        insn(kLoad, 9, 10, -8, 0),
        insn(kMove, 2, 8, 0, 0),
        insn(alu(BPF_AND), 2, 0, 0, 63),
        insn(BPF_ALU64 | BPF_RSH | BPF_X, 9, 2, 0, 0),
        insn(alu(BPF_AND), 9, 0, 0, 1),
        insn(alu(BPF_LSH), 9, 0, 0, 19), // r9 = O_CLOEXEC or 0
        insn(kLoad32, 2, 7, at.flags, 0),
        insn(alu(BPF_AND), 2, 0, 0, ~O_CLOEXEC),
        insn(BPF_ALU64 | BPF_OR | BPF_X, 2, 9, 0, 0),
        insn(kStore32, 10, 8, -24, 0),
        insn(kStore32, 10, 2, -20, 0),
        insn(kLoad, 2, 7, at.offset, 0),
        insn(kStore, 10, 2, -16, 0),
        insn(kStore, 10, 7, -8, 0),
        insn(kLoad, 1, 6, 0, 0),
        insn(kLoad, 1, 1, 0, 0), // r1 = the seq_file
        insn(kMove, 2, 10, 0, 0),
        insn(alu(BPF_ADD), 2, 0, 0, -24),
        insn(kSet, 3, 0, 0, sizeof(FileObject)),
        insn(kCall, 0, 0, 0, BPF_FUNC_seq_write),
        insn(kSet, 0, 0, 0, 0), // go on
        insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    for (size_t jump : {2, 4})
        code[jump].off = static_cast<__s16>(code.size() - 2 - (jump + 1));
    return code;
}

} // namespace

std::optional<FileObjects> FileObjects::make()
{
    auto btf = Btf::of_kernel();
    uint32_t function = btf ? btf->function("bpf_iter_task_file") : 0;
    auto offsets = btf ? offsets_in(*btf) : std::nullopt;
    if (!function || !offsets)
        return std::nullopt;
    std::vector<bpf_insn> code = program(*offsets);
    long loaded = load_iterator(code, function);
    if (loaded < 0)
        return std::nullopt;
    return FileObjects(Fd(static_cast<int>(loaded)));
}

std::optional<std::vector<FileObject>> FileObjects::of(pid_t pid) const
{
    Fd iterator = iterate(program_.get(), 0, pid);
    if (!iterator)
        return std::nullopt;
    std::vector<FileObject> out;
    FileObject buffer[2048];
    long n;
    while ((n = call(SYS_read, iterator.get(), buffer, sizeof buffer)) > 0) {
        if (static_cast<size_t>(n) % sizeof(FileObject))
            return std::nullopt;
        out.insert(out.end(), buffer, buffer + static_cast<size_t>(n) / sizeof(FileObject));
    }
    if (n < 0)
        return std::nullopt;
    return out;
}

} // namespace cr::sys
