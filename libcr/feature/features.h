// What this kernel can do for us, as one value. Version numbers do not tell (distributions port features back
// and leave others out, containers forbid what the kernel has), so each feature is tried, when it is first
// asked for: starting a tool costs nothing. A trial that might disturb anything runs in a child of its own.
//
// One table (table.cc) has all features, in the order of Id; a probe is one function. `cr check` prints that
// table, and whoever needs to know asks the same value: the two cannot disagree. Names are those of `criu
// check --feature` where CRIU has the feature.
#pragma once

#include <array>
#include <atomic>
#include <span>
#include <string_view>

namespace cr::feature
{

enum class Id {
    // needed for every tree
    Ptrace,
    Xsave,
    ProcessVm,
    Pagemap,
    MapFiles,
    Kcmp,
    Pidfd,
    PidfdStore,
    NsPid,
    ProcStat,
    FdinfoExt,
    FcntlOwner,
    PeekSiginfo,
    SigqueueInfo,
    Timers,
    TidAddress,
    PrctlMmMap,
    Clone3SetTid,
    VdsoMremap,
    Memfd,
    // needed for some
    MntId,
    KcmpEpoll,
    FdinfoLock,
    Timerfd,
    TimerCrIds,
    GetRseqConf,
    PagemapScan,
    GuardPages,
    Loginuid,
    UserDispatch,
    Numa,
    LocalDescriptors,
    AnonNames,
    Mseal,
    Mdwe,
    MemoryMerge,
    SeccompSuspend,
    SeccompFilters,
    KernelMemory,
    MemDirtyTrack,
    WriteTracking,
    WriteHolding,
    AioRemap,
    Userns,
    CgroupNs,
    TimeNs,
    MoveMountSetGroup,
    Openat2,
    OverlayfsMaps,
    MemfdHugetlb,
    Uffd,
    UffdNoncoop,
    CanMapVdso,
    SockDiag,
    NetDiagRaw,
    SkNs,
    SkUnixFile,
    SockoptBufLock,
    SockPeekOff,
    TcpRepair,
    TcpWindow,
    TcpHalfClosed,
    Ipv6Freebind,
    Nsid,
    LinkNsid,
    ExternalNetNs,
    NewIfindex,
    Nftables,
    NetworkLockNftables,
    IptLegacy,
    Tun,
    TunNs,
    Tty,
    SysvIds,
    // not settled
    Autofs,
    CompatCr,
    // good to know
    ApparmorStacking,
    Breakpoints,
    SoftDirty,
    Count
};

enum class For { EveryTree, SomeTrees, Experimental, Information };

struct Feature {
    Id id;
    const char *name;
    For who;
    bool used;           // false: what it is for is not built yet, so that nothing is lost without it today
    const char *without; // what follows where it is missing, as the end of "without it, ..."
    long (*probe)();     // -errno when it is not there
};

std::span<const Feature> all_features();
const Feature &feature(Id id);
// Null when there is none.
const Feature *feature_named(std::string_view name);

class Features
{
  public:
    // Of this kernel, tried one by one when asked for.
    Features();
    // A kernel made up by a test: these and no others.
    static Features made_up(std::span<const Id> present);
    Features(const Features &other);
    Features &operator=(const Features &) = delete;

    bool has(Id id) const { return why_not(id) == 0; }
    // 0 when it is there, else an errno value.
    int why_not(Id id) const;

  private:
    static constexpr int kUnknown = -1;
    mutable std::array<std::atomic<int>, static_cast<size_t>(Id::Count)> known_;
};

// What `cr check` has to say.
enum class Verdict { Good, SomeMissing, Bad };

// Of everything for every tree, and of what else was asked for.
Verdict judge(const Features &features, bool extra, bool experimental);

} // namespace cr::feature
