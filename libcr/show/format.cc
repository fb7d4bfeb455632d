#include "libcr/show/format.h"

#include "libcr/base/text.h"
#include "libcr/image/pages.h"

#include <arpa/inet.h>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <string_view>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

namespace cr::show
{

namespace
{

struct Name {
    uint64_t value;
    const char *name;
};

constexpr Name kProt[] = {{PROT_READ, "PROT_READ"}, {PROT_WRITE, "PROT_WRITE"}, {PROT_EXEC, "PROT_EXEC"}};

constexpr Name kMap[] = {{MAP_SHARED, "MAP_SHARED"},  {MAP_PRIVATE, "MAP_PRIVATE"},
                         {MAP_ANONYMOUS, "MAP_ANON"}, {MAP_GROWSDOWN, "MAP_GROWSDOWN"},
                         {MAP_LOCKED, "MAP_LOCKED"},  {MAP_NORESERVE, "MAP_NORESERVE"},
                         {MAP_HUGETLB, "MAP_HUGETLB"}};

constexpr Name kVmaStatus[] = {
    {0x1, "VMA_AREA_REGULAR"},    {0x2, "VMA_AREA_STACK"},      {0x4, "VMA_AREA_VSYSCALL"},
    {0x8, "VMA_AREA_VDSO"},       {0x20, "VMA_AREA_HEAP"},      {0x40, "VMA_FILE_PRIVATE"},
    {0x80, "VMA_FILE_SHARED"},    {0x100, "VMA_ANON_SHARED"},   {0x200, "VMA_ANON_PRIVATE"},
    {0x400, "VMA_AREA_SYSVIPC"},  {0x800, "VMA_AREA_SOCKET"},   {0x1000, "VMA_AREA_VVAR"},
    {0x2000, "VMA_AREA_AIORING"}, {0x4000, "VMA_AREA_MEMFD"},   {0x8000, "VMA_AREA_SHSTK"},
    {0x10000, "VMA_AREA_GUARD"},  {0x20000, "VMA_AREA_UPROBES"}};

constexpr Name kOpen[] = {{O_WRONLY, "O_WRONLY"},       {O_RDWR, "O_RDWR"},         {O_CREAT, "O_CREAT"},
                          {O_EXCL, "O_EXCL"},           {O_NOCTTY, "O_NOCTTY"},     {O_TRUNC, "O_TRUNC"},
                          {O_APPEND, "O_APPEND"},       {O_NONBLOCK, "O_NONBLOCK"}, {O_DSYNC, "O_DSYNC"},
                          {O_ASYNC, "FASYNC"},          {O_DIRECT, "O_DIRECT"},     {0100000, "O_LARGEFILE"},
                          {O_DIRECTORY, "O_DIRECTORY"}, {O_NOFOLLOW, "O_NOFOLLOW"}, {O_NOATIME, "O_NOATIME"},
                          {O_CLOEXEC, "O_CLOEXEC"},     {O_PATH, "O_PATH"}};

constexpr Name kPages[] = {
    {image::kPageParent, "PE_PARENT"}, {image::kPageLazy, "PE_LAZY"}, {image::kPagePresent, "PE_PRESENT"},
    {image::kPageOfTask, "CR_OF_TASK"}};

constexpr Name kFdFlags[] = {{1, "FD_CLOEXEC"}};

constexpr Name kTaskStates[] = {{1, "Alive"}, {2, "Zombie"}, {3, "Stopped"}};

constexpr Name kFamilies[] = {{AF_UNIX, "UNIX"},
                              {AF_INET, "INET"},
                              {AF_INET6, "INET6"},
                              {AF_NETLINK, "NETLINK"},
                              {AF_PACKET, "PACKET"}};

constexpr Name kSocketTypes[] = {{SOCK_STREAM, "STREAM"},
                                 {SOCK_DGRAM, "DGRAM"},
                                 {SOCK_RAW, "RAW"},
                                 {SOCK_SEQPACKET, "SEQPACKET"},
                                 {SOCK_PACKET, "PACKET"}};

constexpr Name kProtocols[] = {{IPPROTO_ICMP, "ICMP"},       {IPPROTO_TCP, "TCP"},
                               {IPPROTO_UDP, "UDP"},         {IPPROTO_ICMPV6, "ICMPV6"},
                               {IPPROTO_UDPLITE, "UDPLITE"}, {IPPROTO_RAW, "RAW"}};

constexpr Name kTcpStates[] = {{1, "ESTABLISHED"}, {2, "SYN_SENT"},  {3, "SYN_RECV"}, {4, "FIN_WAIT1"},
                               {5, "FIN_WAIT2"},   {6, "TIME_WAIT"}, {7, "CLOSE"},    {8, "CLOSE_WAIT"},
                               {9, "LAST_ACK"},    {10, "LISTEN"},   {11, "CLOSING"}};

enum class Format { Hex, Octal, Device, KernelDevice, Flags, Choice };

struct Rule {
    const char *message; // nullptr: in every message
    const char *field;
    Format format;
    std::span<const Name> names = {};
};

// The first that fits.
const Rule kRules[] = {
    {"vma_entry", "prot", Format::Flags, kProt},
    {"vma_entry", "flags", Format::Flags, kMap},
    {"vma_entry", "status", Format::Flags, kVmaStatus},
    {"vma_entry", "start", Format::Hex},
    {"vma_entry", "end", Format::Hex},
    {"vma_entry", "madv", Format::Hex},
    {"pagemap_entry", "vaddr", Format::Hex},
    {"pagemap_entry", "flags", Format::Flags, kPages},
    {"fdinfo_entry", "flags", Format::Flags, kFdFlags},
    {"task_core_entry", "task_state", Format::Choice, kTaskStates},
    {"task_core_entry", "flags", Format::Hex},
    {"inet_sk_entry", "family", Format::Choice, kFamilies},
    {"inet_sk_entry", "type", Format::Choice, kSocketTypes},
    {"inet_sk_entry", "proto", Format::Choice, kProtocols},
    {"inet_sk_entry", "state", Format::Choice, kTcpStates},
    {"unix_sk_entry", "type", Format::Choice, kSocketTypes},
    {"unix_sk_entry", "state", Format::Choice, kTcpStates},
    {"unix_sk_entry", "uflags", Format::Hex},
    {"netlink_sk_entry", "groups", Format::Hex},
    {"mnt_entry", "flags", Format::Hex},
    {"mnt_entry", "sb_flags", Format::Hex},
    {"mnt_entry", "root_dev", Format::KernelDevice},
    {"net_device_entry", "flags", Format::Hex},
    {"macvlan_link_entry", "flags", Format::Hex},
    {"tunfile_entry", "flags", Format::Hex},
    {"timerfd_entry", "flags", Format::Flags, kOpen},
    {"seccomp_filter", "flags", Format::Hex},
    {"thread_core_entry", "futex_rla", Format::Hex},
    {"thread_sas_entry", "ss_sp", Format::Hex},
    {"rseq_entry", "rseq_abi_pointer", Format::Hex},
    {"eventpoll_tfd_entry", "data", Format::Hex},
    {"eventpoll_tfd_entry", "events", Format::Hex},
    {nullptr, "clear_tid_addr", Format::Hex},
    {nullptr, "blk_sigset", Format::Hex},
    {nullptr, "blk_sigset_extended", Format::Hex},
    {nullptr, "sigmask", Format::Hex},
    {nullptr, "mask", Format::Hex},
    {nullptr, "mask_extended", Format::Hex},
    {nullptr, "mode", Format::Octal},
    {nullptr, "rdev", Format::Device},
    {nullptr, "dev", Format::Hex},
    {nullptr, "s_dev", Format::KernelDevice},
    {nullptr, "flags", Format::Flags, kOpen},
};

// Whole messages of addresses and register contents.
bool all_hex(std::string_view message, std::string_view field)
{
    if (message == "mm_entry")
        return field.starts_with("mm_") && field != "mm_saved_auxv";
    return message == "sa_entry" || (message == "creds_entry" && field.starts_with("cap_")) ||
           (message.starts_with("user_") && message.ends_with("_entry"));
}

std::string flags(std::span<const Name> names, uint64_t value)
{
    std::string out = names.data() == kOpen && !(value & O_ACCMODE) ? "O_RDONLY" : "";
    for (const Name &n : names)
        if ((value & n.value) == n.value) {
            out += cat(out.empty() ? "" : " | ", n.name);
            value &= ~n.value;
        }
    if (value || out.empty())
        out += cat(out.empty() ? "" : " | ", "0x", hex(value));
    return out;
}

std::optional<std::string> choice(std::span<const Name> names, uint64_t value)
{
    for (const Name &n : names)
        if (value == n.value)
            return n.name;
    return std::nullopt;
}

std::string octal(uint64_t value)
{
    char buffer[24];
    return cat("0", std::string_view(buffer, std::to_chars(buffer, buffer + sizeof buffer, value, 8).ptr));
}

// As stat has it, and as the kernel has it inside: the minor number in the low 20 bits.
std::string device(uint64_t value) { return cat(major(value), ":", minor(value)); }
std::string kernel_device(uint64_t value) { return cat(value >> 20, ":", value & 0xfffff); }

} // namespace

std::optional<std::string> symbolic(const FieldDescriptor &field, uint64_t value)
{
    std::string_view message = field.containing_type()->name(), name = field.name();
    if (all_hex(message, name))
        return cat("0x", hex(value));
    for (const Rule &rule : kRules) {
        if ((rule.message && rule.message != message) || rule.field != name)
            continue;
        switch (rule.format) {
        case Format::Hex:
            return cat("0x", hex(value));
        case Format::Octal:
            return octal(value);
        case Format::Device:
            return device(value);
        case Format::KernelDevice:
            return kernel_device(value);
        case Format::Flags:
            return flags(rule.names, value);
        case Format::Choice:
            return choice(rule.names, value);
        }
    }
    return std::nullopt;
}

bool is_ip_address(const FieldDescriptor &field)
{
    return field.full_name() == "cr.img.inet_sk_entry.src_addr" ||
           field.full_name() == "cr.img.inet_sk_entry.dst_addr";
}

std::string ip_address(const std::vector<uint32_t> &words)
{
    char buffer[INET6_ADDRSTRLEN];
    int family = words.size() == 4 ? AF_INET6 : AF_INET;
    if (words.empty() || !::inet_ntop(family, words.data(), buffer, sizeof buffer))
        return {};
    return buffer;
}

} // namespace cr::show
