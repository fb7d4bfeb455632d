// What the kernel keeps of a task, read from its own structures by two BPF programs: one tells where the
// structures of the threads of a process are (an iterator), the other copies bytes from an address. Neither
// changes anything, and nothing runs in the task. Reading what is not there fails; what is freed meanwhile
// gives rubbish, so this is for tasks that stand still, and whoever uses it looks afterwards whether they
// still do.
//
// Needs CAP_BPF, CAP_PERFMON and the kernel's type information (btf.h).
#pragma once

#include "libcr/base/fd.h"
#include "libcr/sys/btf.h"

#include <cstdint>
#include <linux/bpf.h>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

namespace cr::sys
{

class KernelMemory
{
  public:
    struct Thread {
        uint64_t task; // address of its task_struct
        uint32_t tid, padding;
    };

    // Nothing when this kernel or our privileges do not allow it.
    static std::optional<KernelMemory> make();
    KernelMemory(KernelMemory &&other) noexcept;
    ~KernelMemory();

    std::vector<Thread> threads(pid_t pid) const;
    // The address of the struct file behind a descriptor of ours.
    uint64_t file(int fd) const;

    // Throw when it cannot be read, or the kernel knows no such member.
    void read(uint64_t address, void *to, size_t size) const;
    // False when nothing is there.
    bool try_read(uint64_t address, void *to, size_t size) const;
    template <class T> T get(uint64_t address) const
    {
        static_assert(std::is_trivially_copyable_v<T>);
        T out;
        read(address, &out, sizeof out);
        return out;
    }
    template <class T> T get(uint64_t object, std::string_view structure, std::string_view path) const
    {
        return get<T>(object + offset(structure, path));
    }
    uint64_t offset(std::string_view structure, std::string_view path) const;
    // A single bit of a bit-field.
    bool bit(uint64_t object, std::string_view structure, std::string_view path) const;
    bool has(std::string_view structure, std::string_view path) const
    {
        return bits(structure, path).has_value();
    }
    // What is added to the address of a variable that each CPU has its own of, by CPU. Throws.
    std::vector<uint64_t> cpu_offsets() const;
    // From here to forget() what is read of these bytes comes from one copy of them: of an object that stands
    // still, many of whose members are asked for.
    void remember(uint64_t address, size_t size) const;
    void forget() const { copy_.clear(); }

  private:
    explicit KernelMemory(Btf btf) : btf_(std::move(btf)) {}
    bool load();
    std::optional<uint64_t> bits(std::string_view structure, std::string_view path) const;

    Fd load_caller(const std::vector<bpf_insn> &code) const;
    int64_t run(const Fd &caller) const;

    Btf btf_;
    Fd iterator_, reader_, map_;
    struct Window;
    Window *window_ = nullptr; // shared with the reader
    mutable std::unordered_map<std::string, std::optional<uint64_t>> known_; // by "STRUCTURE PATH"
    mutable uint64_t copy_of_ = 0;
    mutable std::vector<char> copy_;
};

} // namespace cr::sys
