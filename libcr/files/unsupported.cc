#include "libcr/files/unsupported.h"

#include "libcr/base/text.h"
#include "libcr/files/kind.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>

namespace cr::files
{

namespace
{

constexpr const char *kClose = "close it before the dump";

struct Word {
    const char *begin; // of the link text
    const char *reason;
    const char *remedy;
};

constexpr Word kWords[] = {
    {"anon_inode:[io_uring]", "io_uring cannot be saved: its requests are inside the kernel",
     "let the program use epoll instead (for example UV_USE_IO_URING=0)"},
    {"anon_inode:[userfaultfd]", "userfaultfd is not supported yet", kClose},
    {"/secretmem", "secret memory (memfd_secret) can be read by nobody but the program", kClose},
    {"anon_inode:bpf-prog", "BPF programs cannot be saved", "end what uses it before the dump"},
    {"anon_inode:bpf_link", "attached BPF programs (links) cannot be saved", "end what uses it before the dump"},
    {"anon_inode:bpf", "BPF objects other than maps cannot be saved", kClose},
    {"anon_inode:[perf_event]", "performance counters (perf_event) cannot be saved",
     "stop the measuring first"},
    {"anon_inode:kvm", "virtual machines (KVM) cannot be saved", "save it by its own monitor"},
    {"anon_inode:seccomp", "seccomp listeners cannot be saved", kClose},
    {"/dmabuf:", "buffers of a graphics device (dma-buf) cannot be saved", kClose},
};

struct Family {
    int number;
    const char *name;
    const char *remedy;
};

constexpr Family kFamilies[] = {
    {AF_VSOCK, "to the host or a guest (AF_VSOCK)", "let the program close it and connect again afterwards"},
    {AF_ALG, "to the ciphers of the kernel (AF_ALG)", "let the program use its own library (for example OPENSSL without afalg)"},
    {AF_XDP, "for packets past the kernel (AF_XDP)", "end that program, or let it use AF_PACKET"},
    {AF_BLUETOOTH, "of Bluetooth", "let the program close it and connect again afterwards"},
    {AF_KEY, "to the keys of IPsec (AF_KEY)", kClose},
    {AF_CAN, "of a CAN bus (AF_CAN)", kClose},
    {AF_TIPC, "of TIPC", kClose},
    {AF_RDS, "of RDS", kClose},
    {AF_KCM, "of the kernel connection multiplexer (AF_KCM)", kClose},
    {AF_QIPCRTR, "of Qualcomm's IPC router", kClose},
    {AF_SMC, "of SMC", "let the program use TCP (without smc_run)"},
};

struct Device {
    unsigned major;
    int minor; // -1: all
    const char *name;
    const char *remedy;
};

constexpr Device kDevices[] = {
    {10, 200, "a network tunnel (/dev/net/tun)", kClose},
    {10, 229, "a file system server (/dev/fuse)", "unmount what it serves"},
    {10, 232, "virtual machines (/dev/kvm)", "save it by its own monitor"},
    {10, 237, "loop devices (/dev/loop-control)", kClose},
    {7, -1, "a loop device", kClose},
    {226, -1, "a graphics device (/dev/dri)", "end what computes or draws on it"},
    {195, -1, "an NVIDIA device", "end what computes or draws on it"},
    {13, -1, "an input device", kClose},
    {116, -1, "a sound device", kClose},
    {10, 135, "the real-time clock", kClose},
    {252, -1, "the real-time clock", kClose},
};

const Device *device_of(dev_t rdev)
{
    for (const Device &device : kDevices)
        if (device.major == major(rdev) &&
            (device.minor < 0 || static_cast<unsigned>(device.minor) == minor(rdev)))
            return &device;
    return nullptr;
}

} // namespace

std::vector<std::pair<std::string, std::string>> all_unsupported()
{
    std::vector<std::pair<std::string, std::string>> out;
    for (const Word &word : kWords)
        out.emplace_back(word.begin, cat(word.reason, "; ", word.remedy));
    for (const Family &family : kFamilies)
        out.emplace_back(cat("sockets ", family.name), cat("cannot be saved; ", family.remedy));
    for (const Device &device : kDevices)
        out.emplace_back(device.name,
                         cat("the device ", device.major, ":",
                             device.minor < 0 ? std::string("*") : cat(device.minor), "; ", device.remedy));
    return out;
}

Blocker unsupported(const Facts &facts)
{
    for (const Family &family : kFamilies)
        if (facts.socket_domain == family.number)
            return blocker_of(facts, cat("sockets ", family.name, " cannot be saved"), family.remedy);
    if (facts.socket_domain)
        return blocker_of(facts, cat("sockets of family ", facts.socket_domain, " are not supported yet"), kClose);
    for (const Word &word : kWords)
        if (facts.link.starts_with(word.begin))
            return blocker_of(facts, word.reason, word.remedy);
    mode_t mode = facts.st.st_mode;
    std::string device = cat(major(facts.st.st_rdev), ":", minor(facts.st.st_rdev));
    if (const Device *known = S_ISCHR(mode) || S_ISBLK(mode) ? device_of(facts.st.st_rdev) : nullptr)
        return blocker_of(facts, cat(known->name, " cannot be saved (device ", device, ")"), known->remedy);
    if (S_ISCHR(mode))
        return blocker_of(facts, cat("the character device ", device, " is not supported"), kClose);
    if (S_ISBLK(mode))
        return blocker_of(facts, cat("the block device ", device, " is not supported"), kClose);
    return blocker_of(facts, "this kind of descriptor is not supported", kClose);
}

} // namespace cr::files
