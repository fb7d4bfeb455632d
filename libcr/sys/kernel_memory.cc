#include "libcr/sys/kernel_memory.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/bpf.h"
#include "libcr/sys/cpus.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace cr::sys
{

using namespace bpf;

// The one value of the map: what is asked, and the answer.
struct KernelMemory::Window {
    uint64_t address;
    int64_t size; // and what the copy returned
    char bytes[12272];
};

namespace
{

constexpr size_t kWindow = 12288, kBytes = 12272;

// The context is struct bpf_iter__task { meta at 0, task at 8 }; a Thread is put together on the stack.
std::vector<bpf_insn> iterator_code(int tid_at)
{
    return {
        insn(kMove, 6, 1, 0, 0),
        insn(kLoad, 7, 6, 8, 0),                      // r7 = task
        insn(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 11, 0), // none: to the end
        insn(kLoad32, 2, 7, tid_at, 0),
        insn(kStore, 10, 7, -16, 0),
        insn(kStore, 10, 2, -8, 0),
        insn(kLoad, 1, 6, 0, 0),
        insn(kLoad, 1, 1, 0, 0), // r1 = the seq_file
        insn(kMove, 2, 10, 0, 0),
        insn(alu(BPF_ADD), 2, 0, 0, -16),
        insn(kSet, 3, 0, 0, sizeof(KernelMemory::Thread)),
        insn(kCall, 0, 0, 0, BPF_FUNC_seq_write),
        insn(kSet, 0, 0, 0, 0),
        insn(BPF_JMP | BPF_JA, 0, 0, 1, 0),
        insn(kSet, 0, 0, 0, 0),
        insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
}

std::vector<bpf_insn> reader_code(int map)
{
    return {
        insn(BPF_LD | BPF_DW | BPF_IMM, 6, BPF_PSEUDO_MAP_VALUE, 0, map), // r6 = the window
        insn(0, 0, 0, 0, 0),
        insn(kLoad, 3, 6, 0, 0),
        insn(kLoad, 2, 6, 8, 0),
        insn(BPF_JMP | BPF_JGT | BPF_K, 2, 0, 4, kBytes),
        insn(kMove, 1, 6, 0, 0),
        insn(alu(BPF_ADD), 1, 0, 0, 16),
        insn(kCall, 0, 0, 0, BPF_FUNC_probe_read_kernel),
        insn(kStore, 6, 0, 8, 0),
        insn(kSet, 0, 0, 0, 0),
        insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
}

// Of one value.
Fd make_map(bpf_map_type type, uint32_t size, uint32_t flags)
{
    bpf_attr create{};
    create.map_type = type;
    create.key_size = 4;
    create.value_size = size;
    create.max_entries = 1;
    create.map_flags = flags;
    return Fd(static_cast<int>(command(BPF_MAP_CREATE, create)));
}

// Where a map of one value for each CPU has that of the CPU in the window's address, and where the map is.
std::vector<bpf_insn> finder_code(int window, int values)
{
    return {
        insn(BPF_LD | BPF_DW | BPF_IMM, 6, BPF_PSEUDO_MAP_VALUE, 0, window), // r6 = the window
        insn(0, 0, 0, 0, 0),
        insn(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, values), // r1 = the map
        insn(0, 0, 0, 0, 0),
        insn(kStore, 6, 1, 16, 0),
        insn(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0), // its key, 0
        insn(kMove, 2, 10, 0, 0),
        insn(alu(BPF_ADD), 2, 0, 0, -4),
        insn(kLoad, 3, 6, 0, 0),
        insn(kCall, 0, 0, 0, BPF_FUNC_map_lookup_percpu_elem),
        insn(kStore, 6, 0, 24, 0),
        insn(kSet, 0, 0, 0, 0),
        insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
}

} // namespace

std::optional<KernelMemory> KernelMemory::make()
{
    auto btf = Btf::of_kernel();
    if (!btf)
        return std::nullopt;
    KernelMemory out(std::move(*btf));
    if (!out.load())
        return std::nullopt;
    return out;
}

KernelMemory::KernelMemory(KernelMemory &&other) noexcept
    : btf_(std::move(other.btf_)), iterator_(std::move(other.iterator_)), reader_(std::move(other.reader_)),
      map_(std::move(other.map_)), window_(std::exchange(other.window_, nullptr)),
      known_(std::move(other.known_)), copy_of_(other.copy_of_), copy_(std::move(other.copy_))
{
}

KernelMemory::~KernelMemory()
{
    if (window_)
        call(SYS_munmap, window_, kWindow);
}

bool KernelMemory::load()
{
    static_assert(sizeof(Window) == kWindow && sizeof Window::bytes == kBytes);
    auto tid_at = btf_.member("task_struct", "pid");
    uint32_t function = btf_.function("bpf_iter_task");
    if (!tid_at || !function)
        return false;
    iterator_ = Fd(static_cast<int>(load_iterator(iterator_code(static_cast<int>(*tid_at)), function)));
    if (!iterator_)
        return false;
    map_ = make_map(BPF_MAP_TYPE_ARRAY, kWindow, BPF_F_MMAPABLE);
    if (!map_)
        return false;
    long at = call(SYS_mmap, nullptr, kWindow, PROT_READ | PROT_WRITE, MAP_SHARED, map_.get(), 0);
    if (at < 0 && at >= -4095)
        return false;
    window_ = reinterpret_cast<Window *>(at);
    reader_ = load_caller(reader_code(map_.get()));
    return static_cast<bool>(reader_);
}

// A program that makes one call of the kernel's when it is run.
Fd KernelMemory::load_caller(const std::vector<bpf_insn> &code) const
{
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_SYSCALL;
    load.prog_flags = BPF_F_SLEEPABLE;
    load.insns = reinterpret_cast<uintptr_t>(code.data());
    load.insn_cnt = static_cast<uint32_t>(code.size());
    load.license = reinterpret_cast<uintptr_t>("GPL");
    return Fd(static_cast<int>(command(BPF_PROG_LOAD, load)));
}

// What it left in the window's size.
int64_t KernelMemory::run(const Fd &caller) const
{
    bpf_attr run{};
    run.test.prog_fd = static_cast<uint32_t>(caller.get());
    check(command(BPF_PROG_TEST_RUN, run), "run a BPF program");
    return *const_cast<volatile int64_t *>(&window_->size); // the kernel's write is not seen by the compiler
}

// Told by no file: symbols of variables are not everywhere. So a variable of our own is looked at.
std::vector<uint64_t> KernelMemory::cpu_offsets() const
{
    Fd values = make_map(BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint64_t), 0);
    Fd finder = load_caller(finder_code(map_.get(), values.get()));
    if (!values || !finder)
        failed_with(EPERM, "find what the kernel keeps for each CPU");
    std::vector<uint64_t> out;
    for (uint32_t cpu = 0; cpu < possible_cpus(); cpu++) {
        window_->address = cpu;
        run(finder);
        uint64_t found[2]; // the map, the value
        std::memcpy(found, const_cast<const char *>(window_->bytes), sizeof found);
        out.push_back(found[1] - get<uint64_t>(found[0], "bpf_array", "pptrs"));
    }
    return out;
}

std::vector<KernelMemory::Thread> KernelMemory::threads(pid_t pid) const
{
    Fd fd = iterate(iterator_.get(), 0, pid);
    std::vector<Thread> out;
    Thread buffer[256];
    long n = -EBADF;
    while (fd && (n = call(SYS_read, fd.get(), buffer, sizeof buffer)) > 0)
        out.insert(out.end(), buffer, buffer + static_cast<size_t>(n) / sizeof(Thread));
    check(n, "list the threads by a BPF iterator");
    return out;
}

uint64_t KernelMemory::file(int fd) const
{
    uint64_t task = threads(::getpid()).at(0).task;
    uint64_t table = get<uint64_t>(get<uint64_t>(task, "task_struct", "files"), "files_struct", "fdt");
    uint64_t files = get<uint64_t>(table, "fdtable", "fd");
    return get<uint64_t>(files + static_cast<uint64_t>(fd) * sizeof(uint64_t));
}

void KernelMemory::remember(uint64_t address, size_t size) const
{
    forget();
    std::vector<char> copy(size);
    read(address, copy.data(), size);
    copy_of_ = address;
    copy_ = std::move(copy);
}

void KernelMemory::read(uint64_t address, void *to, size_t size) const
{
    if (address >= copy_of_ && address - copy_of_ < copy_.size() &&
        size <= copy_.size() - (address - copy_of_)) {
        std::memcpy(to, copy_.data() + (address - copy_of_), size);
        return;
    }
    if (!try_read(address, to, size))
        failed_with(EFAULT, "read what the kernel keeps");
}

bool KernelMemory::try_read(uint64_t address, void *to, size_t size) const
{
    for (size_t done = 0; done < size;) {
        size_t part = std::min(size - done, kBytes);
        window_->address = address + done;
        window_->size = static_cast<int64_t>(part);
        if (run(reader_) < 0)
            return false;
        std::memcpy(static_cast<char *>(to) + done, window_->bytes, part);
        done += part;
    }
    return true;
}

// The type information is searched by name from its beginning: once for each member.
std::optional<uint64_t> KernelMemory::bits(std::string_view structure, std::string_view path) const
{
    auto [known, is_new] = known_.try_emplace(cat(structure, " ", path));
    if (is_new)
        known->second = btf_.bits(structure, path);
    return known->second;
}

uint64_t KernelMemory::offset(std::string_view structure, std::string_view path) const
{
    auto found = bits(structure, path);
    if (!found)
        failed_with(ENOENT, cat("find ", path, " in the kernel's ", structure));
    return *found / 8;
}

bool KernelMemory::bit(uint64_t object, std::string_view structure, std::string_view path) const
{
    auto found = bits(structure, path);
    if (!found)
        failed_with(ENOENT, cat("find ", path, " in the kernel's ", structure));
    return get<uint8_t>(object + *found / 8) >> (*found % 8) & 1;
}

} // namespace cr::sys
