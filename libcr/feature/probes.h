// The probes, one function for each row of the table. Each returns -errno when the feature is not there. A
// file of them has what one part of the kernel is asked for.
#pragma once

namespace cr::feature::probe
{

// tasks.cc
long ptrace();
long xsave();
long timers();
long process_vm();
long kcmp();
long kcmp_epoll();
long pidfd();
long pidfd_store();
long ns_pid();
long proc_stat();
long peek_siginfo();
long sigqueue_info();
long tid_address();
long clone3_set_tid();
long timer_ids();
long rseq_conf();
long loginuid();
long user_dispatch();
long seccomp_suspend();
long seccomp_filters();
long breakpoints();
long kernel_memory();

// memory.cc
long map_files();
long pagemap();
long memfd();
long prctl_mm_map();
long vdso_mremap();
long pagemap_scan();
long guard_pages();
long numa();
long local_descriptors();
long anonymous_names();
long mseal();
long mdwe();
long memory_merge();
long dirty_track();
long soft_dirty();
long write_tracking();
long write_holding();
long aio_remap();
long memfd_hugetlb();
long uffd();
long uffd_noncoop();
long can_map_vdso();
long compat();

// files.cc
long fdinfo_extended();
long fcntl_owner();
long mnt_id();
long fdinfo_lock();
long timerfd();
long openat2();
long overlayfs_maps();
long tty();
long autofs();

// net.cc
long sock_diag();
long net_diag_raw();
long socket_ns();
long unix_file();
long buffer_lock();
long peek_off();
long tcp_repair();
long tcp_window();
long tcp_half_closed();
long ipv6_freebind();
long nsid();
long link_nsid();
long external_net_ns();
long new_ifindex();
long iptables_legacy();
long nftables();
long tun();
long tun_ns();

// ns.cc
long userns();
long cgroup_ns();
long time_ns();
long move_mount_set_group();
long sysv_ids();
long apparmor_stacking();

} // namespace cr::feature::probe
