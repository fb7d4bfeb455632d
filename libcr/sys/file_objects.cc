#include "libcr/sys/file_objects.h"

#include "libcr/sys/bpf.h"
#include "libcr/sys/btf.h"
#include "libcr/sys/gate.h"

#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>

namespace cr::sys
{

namespace
{

using namespace bpf;

constexpr int kLongestLink = 1024;

// Where things are in this kernel.
struct Offsets {
    int files, table, close_on_exec, flags, offset, inode, locks;
    int owner, owner_pid, owner_signal; // the latter -1 where the owner is a pointer (since Linux 6.12)
    int path;                           // -1: unknown
};

std::optional<Offsets> offsets_in(const Btf &btf)
{
    Offsets at{};
    auto find = [&](int &to, const char *structure, const char *member) {
        auto found = btf.member(structure, member);
        to = found ? static_cast<int>(*found) : -1;
        return found.has_value();
    };
    if (!find(at.files, "task_struct", "files") || !find(at.table, "files_struct", "fdt") ||
        !find(at.close_on_exec, "fdtable", "close_on_exec") || !find(at.flags, "file", "f_flags") ||
        !find(at.offset, "file", "f_pos") || !find(at.inode, "file", "f_inode") ||
        !find(at.locks, "inode", "i_flctx") || !find(at.owner, "file", "f_owner"))
        return std::nullopt;
    int back_pointer;
    at.owner_pid = at.owner_signal = -1;
    if (!find(back_pointer, "fown_struct", "file")) {
        if (!find(at.owner_pid, "fown_struct", "pid") || !find(at.owner_signal, "fown_struct", "signum"))
            return std::nullopt;
        at.owner_pid += at.owner;
        at.owner_signal += at.owner;
    }
    find(at.path, "file", "f_path");
    return at;
}

// What the program writes of each descriptor, followed by its link with a zero byte.
struct Record {
    uint32_t fd, flags;
    uint64_t offset, number, inode, locks;
    uint32_t owner, link_size;
};
constexpr int kRecord = -56; // on the stack, from r10; above it a word for what is read
static_assert(sizeof(Record) == 48);
constexpr int at_field(size_t offset) { return kRecord + static_cast<int>(offset); }

using Code = std::vector<bpf_insn>;

void append(Code &code, std::initializer_list<bpf_insn> more) { code.insert(code.end(), more); }

// r6 is the context, r7 the file, r8 the descriptor, r9 the task.
void put_flags(Code &code, const Offsets &at)
{
    append(code, {
                     insn(kLoad, 1, 9, at.files, 0),
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
                     insn(kStore32, 10, 2, at_field(offsetof(Record, flags)), 0),
                 });
}

// Whether somebody may get its signals: 0 or not.
void put_owner(Code &code, const Offsets &at)
{
    if (at.owner_pid < 0) {
        append(code, {
                         insn(kLoad, 2, 7, at.owner, 0),
                         insn(kMove, 3, 2, 0, 0),
                     });
    } else {
        append(code, {
                         insn(kLoad, 2, 7, at.owner_pid, 0),
                         insn(kLoad32, 3, 7, at.owner_signal, 0),
                     });
    }
    append(code, {
                     insn(kSet, 4, 0, 0, 0),
                     insn(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 1, 0),
                     insn(BPF_JMP | BPF_JEQ | BPF_K, 3, 0, 1, 0),
                     insn(kSet, 4, 0, 0, 1),
                     insn(kStore32, 10, 4, at_field(offsetof(Record, owner)), 0),
                 });
}

// The link into the buffer (r9); its size, with the zero byte, in r8.
void put_link(Code &code, const Offsets &at, int buffer)
{
    append(code, {
                     insn(kMove, 1, 7, 0, 0),
                     insn(alu(BPF_ADD), 1, 0, 0, at.path),
                     insn(BPF_LD | BPF_DW | BPF_IMM, 9, BPF_PSEUDO_MAP_VALUE, 0, buffer),
                     insn(0, 0, 0, 0, 0),
                     insn(kMove, 2, 9, 0, 0),
                     insn(kSet, 3, 0, 0, kLongestLink),
                     insn(kCall, 0, 0, 0, BPF_FUNC_d_path),
                     insn(kMove, 8, 0, 0, 0),
                     insn(BPF_JMP | BPF_JLE | BPF_K, 8, 0, 1, kLongestLink),
                     insn(kSet, 8, 0, 0, 0), // an error
                 });
}

// The context is struct bpf_iter__task_file { meta at 0, task at 8, u32 fd at 16, file at 24 }; meta begins
// with a pointer to the seq_file.
Code program(const Offsets &at, int buffer)
{
    Code code = {
        insn(kMove, 6, 1, 0, 0),
        insn(kLoad, 7, 6, 24, 0),                    // r7 = file
        insn(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 0, 0), // none: to the end (set below)
        insn(kLoad, 9, 6, 8, 0),                     // r9 = task
        insn(BPF_JMP | BPF_JEQ | BPF_K, 9, 0, 0, 0), // none: to the end (set below)
        insn(kLoad32, 8, 6, 16, 0),                  // r8 = fd
        insn(kStore32, 10, 8, kRecord, 0),
        insn(kLoad, 2, 7, at.offset, 0),
        insn(kStore, 10, 2, at_field(offsetof(Record, offset)), 0),
        insn(kStore, 10, 7, at_field(offsetof(Record, number)), 0),
        insn(kLoad, 2, 7, at.inode, 0),
        insn(kStore, 10, 2, at_field(offsetof(Record, inode)), 0),
        insn(kLoad, 2, 2, at.locks, 0),
        insn(kStore, 10, 2, at_field(offsetof(Record, locks)), 0),
    };
    put_flags(code, at);
    put_owner(code, at);
    if (buffer >= 0)
        put_link(code, at, buffer);
    else
        append(code, {insn(kSet, 8, 0, 0, 0)});
    append(code, {
                     insn(kStore32, 10, 8, at_field(offsetof(Record, link_size)), 0),
                     insn(kLoad, 1, 6, 0, 0),
                     insn(kLoad, 1, 1, 0, 0), // r1 = the seq_file
                     insn(kMove, 2, 10, 0, 0),
                     insn(alu(BPF_ADD), 2, 0, 0, kRecord),
                     insn(kSet, 3, 0, 0, sizeof(Record)),
                     insn(kCall, 0, 0, 0, BPF_FUNC_seq_write),
                 });
    if (buffer >= 0)
        append(code, {
                         insn(kLoad, 1, 6, 0, 0),
                         insn(kLoad, 1, 1, 0, 0),
                         insn(kMove, 2, 9, 0, 0),
                         insn(kMove, 3, 8, 0, 0),
                         insn(kCall, 0, 0, 0, BPF_FUNC_seq_write),
                     });
    append(code, {
                     insn(kSet, 0, 0, 0, 0), // go on
                     insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
                 });
    for (size_t jump : {2, 4})
        code[jump].off = static_cast<__s16>(code.size() - 2 - (jump + 1));
    return code;
}

Fd make_buffer()
{
    bpf_attr create{};
    create.map_type = BPF_MAP_TYPE_ARRAY;
    create.key_size = 4;
    create.value_size = kLongestLink;
    create.max_entries = 1;
    return Fd(static_cast<int>(command(BPF_MAP_CREATE, create)));
}

// All that the iterator has to say; nothing when it fails.
std::optional<std::string> read_all(int fd)
{
    std::string bytes;
    for (size_t used = 0;;) {
        bytes.resize(used + (64 << 10));
        long n = call(SYS_read, fd, bytes.data() + used, bytes.size() - used);
        if (n < 0)
            return std::nullopt;
        used += static_cast<size_t>(n);
        if (n == 0) {
            bytes.resize(used);
            return bytes;
        }
    }
}

} // namespace

std::optional<FileObjects> FileObjects::make()
{
    auto btf = Btf::of_kernel();
    uint32_t function = btf ? btf->function("bpf_iter_task_file") : 0;
    auto offsets = btf ? offsets_in(*btf) : std::nullopt;
    if (!function || !offsets)
        return std::nullopt;
    Fd buffer = offsets->path < 0 ? Fd() : make_buffer();
    long loaded = buffer ? load_iterator(program(*offsets, buffer.get()), function) : -ENOENT;
    if (loaded < 0) // without links
        loaded = load_iterator(program(*offsets, -1), function);
    if (loaded < 0)
        return std::nullopt;
    return FileObjects(Fd(static_cast<int>(loaded)), std::move(buffer));
}

std::optional<std::vector<FileObject>> FileObjects::of(pid_t pid) const
{
    Fd iterator = iterate(program_.get(), 0, pid);
    if (!iterator)
        return std::nullopt;
    auto bytes = read_all(iterator.get());
    if (!bytes)
        return std::nullopt;
    std::vector<FileObject> out;
    for (std::string_view rest = *bytes; !rest.empty();) {
        Record record;
        if (rest.size() < sizeof record)
            return std::nullopt;
        std::memcpy(&record, rest.data(), sizeof record);
        rest.remove_prefix(sizeof record);
        if (record.link_size > rest.size())
            return std::nullopt;
        std::string link(rest.substr(0, record.link_size ? record.link_size - 1 : 0));
        rest.remove_prefix(record.link_size);
        out.push_back({record.fd, record.flags, record.offset, record.number, record.inode,
                       record.owner != 0, record.locks != 0, std::move(link)});
    }
    return out;
}

} // namespace cr::sys
