// The rows, in the order of Id. The words of `without` tell the user what to expect; they are about what is
// built today.
#include "libcr/feature/features.h"
#include "libcr/feature/probes.h"

namespace cr::feature
{

namespace
{

using enum For;

// clang-format off
constexpr Feature kTable[] = {
    {Id::Ptrace, "ptrace", EveryTree, true, "no tree can be frozen", probe::ptrace},
    {Id::Xsave, "xsave", EveryTree, true, "registers of the floating point unit cannot be kept", probe::xsave},
    {Id::ProcessVm, "process_vm", EveryTree, true, "memory cannot be copied", probe::process_vm},
    {Id::Pagemap, "pagemap", EveryTree, true, "the pages that are there cannot be found", probe::pagemap},
    {Id::MapFiles, "map_files", EveryTree, true, "mapped files and shared memory cannot be told apart: a dump fails", probe::map_files},
    {Id::Kcmp, "kcmp", EveryTree, true, "what tasks share cannot be seen: a dump fails", probe::kcmp},
    {Id::Pidfd, "pidfd", EveryTree, true, "neither a dump nor a restore begins", probe::pidfd},
    {Id::PidfdStore, "pidfd_store", EveryTree, true, "descriptors can be fetched neither from tasks nor by them", probe::pidfd_store},
    {Id::NsPid, "ns_pid", EveryTree, true, "pids inside of namespaces are unknown: a dump fails", probe::ns_pid},
    {Id::ProcStat, "proc_stat", EveryTree, true, "the layout of memory is not known: a dump fails", probe::proc_stat},
    {Id::FdinfoExt, "fdinfo_ext", EveryTree, true, "eventfd, epoll and signalfd descriptors cannot be kept", probe::fdinfo_extended},
    {Id::FcntlOwner, "fcntl_owner_uids", EveryTree, true, "who gets the signals of a descriptor cannot be kept", probe::fcntl_owner},
    {Id::PeekSiginfo, "peek_siginfo", EveryTree, true, "pending signals cannot be kept: a dump fails", probe::peek_siginfo},
    {Id::SigqueueInfo, "sigqueueinfo", EveryTree, true, "pending signals cannot be brought back", probe::sigqueue_info},
    {Id::Timers, "timers", EveryTree, true, "POSIX timers are not seen: a dump fails", probe::timers},
    {Id::TidAddress, "tid_address", EveryTree, true, "threads cannot be captured: a dump fails", probe::tid_address},
    {Id::PrctlMmMap, "prctl_mm_map", EveryTree, true, "command line and memory layout cannot be brought back: a restore fails", probe::prctl_mm_map},
    {Id::Clone3SetTid, "clone3_set_tid", EveryTree, true, "tasks cannot have their pids again: a restore fails", probe::clone3_set_tid},
    {Id::VdsoMremap, "vdso_mremap", EveryTree, true, "the vDSO cannot be put in its place: a restore fails", probe::vdso_mremap},
    {Id::Memfd, "memfd", EveryTree, true, "a restore has nothing to put its programs into", probe::memfd},

    {Id::MntId, "mnt_id", SomeTrees, true, "which mount a file is on is not known", probe::mnt_id},
    {Id::KcmpEpoll, "kcmp_epoll", SomeTrees, true, "epoll descriptors are refused", probe::kcmp_epoll},
    {Id::FdinfoLock, "fdinfo_lock", SomeTrees, true, "whose a file lock is cannot be told", probe::fdinfo_lock},
    {Id::Timerfd, "timerfd", SomeTrees, true, "timerfd descriptors that have ticked cannot be brought back", probe::timerfd},
    {Id::TimerCrIds, "timer_cr_ids", SomeTrees, true, "POSIX timers get their ids by counting up: large ids are refused", probe::timer_ids},
    {Id::GetRseqConf, "get_rseq_conf", SomeTrees, true, "restartable sequences are lost", probe::rseq_conf},
    {Id::PagemapScan, "pagemap_scan", SomeTrees, true, "looking for pages takes longer", probe::pagemap_scan},
    {Id::GuardPages, "pagemap_scan_guard_pages", SomeTrees, true, "guard pages (MADV_GUARD_INSTALL) are not seen; such a kernel mostly has none", probe::guard_pages},
    {Id::Loginuid, "loginuid", SomeTrees, true, "the audit login uid cannot be brought back", probe::loginuid},
    {Id::UserDispatch, "user_dispatch", SomeTrees, true, "programs that handle their own system calls are not seen to do so, and may be harmed", probe::user_dispatch},
    {Id::Numa, "numa", SomeTrees, true, "memory policies cannot be kept, and there are none", probe::numa},
    {Id::LocalDescriptors, "modify_ldt", SomeTrees, true, "segments of a program's own cannot be kept, and there are none", probe::local_descriptors},
    {Id::AnonNames, "anon_vma_name", SomeTrees, true, "anonymous memory loses its names (PR_SET_VMA)", probe::anonymous_names},
    {Id::Mseal, "mseal", SomeTrees, true, "tasks with sealed memory cannot be restored", probe::mseal},
    {Id::Mdwe, "mdwe", SomeTrees, true, "tasks that deny themselves writable code (PR_SET_MDWE) cannot be restored", probe::mdwe},
    {Id::MemoryMerge, "memory_merge", SomeTrees, true, "tasks that have equal pages merged (PR_SET_MEMORY_MERGE) cannot be restored", probe::memory_merge},
    {Id::SeccompSuspend, "seccomp_suspend", SomeTrees, true, "tasks under seccomp cannot be restored", probe::seccomp_suspend},
    {Id::SeccompFilters, "seccomp_filters", SomeTrees, true, "tasks under seccomp filters cannot be dumped", probe::seccomp_filters},
    {Id::KernelMemory, "kernel_memory", SomeTrees, true, "tasks under seccomp and 32-bit programs cannot be dumped, and sleeps of others begin anew", probe::kernel_memory},
    {Id::MemDirtyTrack, "mem_dirty_track", SomeTrees, true, "incremental dumps write all memory", probe::dirty_track},
    {Id::WriteTracking, "write_tracking", SomeTrees, true, "incremental dumps write all memory", probe::write_tracking},
    {Id::WriteHolding, "write_holding", SomeTrees, true, "--freeze snapshot is not possible: a tree left running stands still until its memory is copied", probe::write_holding},
    {Id::AioRemap, "aio_remap", SomeTrees, true, "AIO contexts cannot be kept", probe::aio_remap},
    {Id::Userns, "userns", SomeTrees, false, "user namespaces cannot be made", probe::userns},
    {Id::CgroupNs, "cgroupns", SomeTrees, false, "cgroup namespaces cannot be made", probe::cgroup_ns},
    {Id::TimeNs, "timens", SomeTrees, false, "clocks jump when a tree moves to another machine", probe::time_ns},
    {Id::MoveMountSetGroup, "move_mount_set_group", SomeTrees, false, "mounts that share are made in the old way", probe::move_mount_set_group},
    {Id::Openat2, "openat2", SomeTrees, false, "paths below another root are resolved step by step", probe::openat2},
    {Id::OverlayfsMaps, "overlayfs_maps", SomeTrees, false, "devices and inodes in maps are wrong on overlayfs; nothing is lost, as map_files is used", probe::overlayfs_maps},
    {Id::MemfdHugetlb, "memfd_hugetlb", SomeTrees, true, "memfds with huge pages cannot be brought back", probe::memfd_hugetlb},
    {Id::Uffd, "uffd", SomeTrees, false, "no lazy restore", probe::uffd},
    {Id::UffdNoncoop, "uffd-noncoop", SomeTrees, false, "no lazy restore of tasks that fork, unmap or move memory", probe::uffd_noncoop},
    {Id::CanMapVdso, "can_map_vdso", SomeTrees, false, "only a vDSO that is there already can be moved", probe::can_map_vdso},
    {Id::SockDiag, "sock_diag", SomeTrees, false, "sockets cannot be described", probe::sock_diag},
    {Id::NetDiagRaw, "net_diag_raw", SomeTrees, false, "raw sockets cannot be described", probe::net_diag_raw},
    {Id::SkNs, "sk_ns", SomeTrees, false, "sockets of several network namespaces cannot be told apart", probe::socket_ns},
    {Id::SkUnixFile, "sk_unix_file", SomeTrees, false, "bound Unix sockets that were renamed or covered cannot be kept", probe::unix_file},
    {Id::SockoptBufLock, "sockopt_buf_lock", SomeTrees, false, "whether buffers of sockets were set by hand is lost", probe::buffer_lock},
    {Id::SockPeekOff, "sock_peek_off", SomeTrees, false, "queues of Unix sockets cannot be read without emptying them", probe::peek_off},
    {Id::TcpRepair, "tcp_repair", SomeTrees, false, "TCP connections cannot be kept", probe::tcp_repair},
    {Id::TcpWindow, "tcp_window", SomeTrees, false, "TCP connections may stall after a restore", probe::tcp_window},
    {Id::TcpHalfClosed, "tcp_half_closed", SomeTrees, false, "half-closed TCP connections cannot be kept", probe::tcp_half_closed},
    {Id::Ipv6Freebind, "ipv6_freebind", SomeTrees, false, "IPv6 sockets cannot be bound before their address is there", probe::ipv6_freebind},
    {Id::Nsid, "nsid", SomeTrees, false, "links between network namespaces cannot be followed", probe::nsid},
    {Id::LinkNsid, "link_nsid", SomeTrees, false, "links of other network namespaces cannot be asked for", probe::link_nsid},
    {Id::ExternalNetNs, "external_net_ns", SomeTrees, false, "trees cannot stay in a network namespace of others", probe::external_net_ns},
    {Id::NewIfindex, "newifindex", SomeTrees, false, "links of network namespaces cannot have their numbers again", probe::new_ifindex},
    {Id::Nftables, "nftables", SomeTrees, false, "packet filter tables cannot be kept", probe::nftables},
    {Id::NetworkLockNftables, "network_lock_nftables", SomeTrees, false, "the network cannot be locked", probe::nftables},
    {Id::IptLegacy, "has_ipt_legacy", SomeTrees, false, "rules of the old iptables cannot be kept, and there are none", probe::iptables_legacy},
    {Id::Tun, "tun", SomeTrees, false, "tun and tap devices cannot be kept", probe::tun},
    {Id::TunNs, "tun_ns", SomeTrees, false, "tun devices of other network namespaces cannot be kept", probe::tun_ns},
    {Id::Tty, "tty", SomeTrees, false, "pseudo terminals cannot be kept", probe::tty},
    {Id::SysvIds, "sysv_ids", SomeTrees, true, "System V objects cannot have their ids again", probe::sysv_ids},

    {Id::Autofs, "autofs", Experimental, false, "autofs mounts cannot be kept", probe::autofs},
    {Id::CompatCr, "compat_cr", Experimental, true, "32-bit programs cannot be restored", probe::compat},

    {Id::ApparmorStacking, "apparmor_stacking", Information, false, "AppArmor namespaces cannot be kept", probe::apparmor_stacking},
    {Id::Breakpoints, "breakpoints", Information, false, "nothing is lost: no breakpoints are used", probe::breakpoints},
    {Id::SoftDirty, "soft_dirty", Information, true, "nothing is lost where writes are tracked by userfaultfd (Linux 6.7)", probe::soft_dirty},
};
// clang-format on

constexpr bool in_order()
{
    size_t i = 0;
    for (const Feature &one : kTable)
        if (one.id != static_cast<Id>(i++))
            return false;
    return i == static_cast<size_t>(Id::Count);
}
static_assert(in_order());

} // namespace

std::span<const Feature> all_features() { return kTable; }

} // namespace cr::feature
