// Credentials, thread by thread: ids, groups, five capability sets, securebits, no_new_privs; and what a
// change of credentials resets: dumpable (prctl(2)) and the parent-death signal.
//
// The order of giving privileges away (capabilities(7)):
//   1. inheritable set, while everything is still permitted and in the bounding set
//   2. bounding set drops (CAP_SETPCAP)
//   3. securebits that keep the capabilities across the change of ids
//   4. groups, gids, uids, filesystem ids
//   5. ambient set (needs permitted and inheritable)
//   6. the task's own securebits, then its own capability sets, then no_new_privs
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/task/kind.h"

#include <bit>
#include <linux/securebits.h>
#include <memory>
#include <sys/capability.h>
#include <sys/prctl.h>

namespace cr::task
{

namespace
{

template <class Field> uint64_t join(const Field &field)
{
    uint64_t low = field.size() > 0 ? field.Get(0) : 0, high = field.size() > 1 ? field.Get(1) : 0;
    return low | high << 32;
}

template <class Field> void split(uint64_t caps, Field *field)
{
    field->Add(static_cast<uint32_t>(caps));
    field->Add(static_cast<uint32_t>(caps >> 32));
}

void capture_ids(const ThreadFacts &facts, img::core_entry &core)
{
    const proc::Status &status = facts.status;
    img::creds_entry &out = *core.mutable_thread_core()->mutable_creds();
    out.set_uid(status.uid[0]);
    out.set_euid(status.uid[1]);
    out.set_suid(status.uid[2]);
    out.set_fsuid(status.uid[3]);
    out.set_gid(status.gid[0]);
    out.set_egid(status.gid[1]);
    out.set_sgid(status.gid[2]);
    out.set_fsgid(status.gid[3]);
    split(status.cap_inheritable, out.mutable_cap_inh());
    split(status.cap_permitted, out.mutable_cap_prm());
    split(status.cap_effective, out.mutable_cap_eff());
    split(status.cap_bounding, out.mutable_cap_bnd());
    split(status.cap_ambient, out.mutable_cap_amb());
    out.set_secbits(facts.securebits);
    for (uint32_t group : status.groups)
        out.add_groups(group);
    out.set_no_new_privs(status.no_new_privs);
    core.mutable_thread_core()->set_pdeath_sig(static_cast<uint32_t>(facts.pdeath_signal));
}

std::string capability_names(uint64_t mask)
{
    std::string out;
    for (; mask; mask &= mask - 1) {
        std::unique_ptr<char, int (*)(void *)> name(::cap_to_name(std::countr_zero(mask)), ::cap_free);
        out += cat(out.empty() ? "" : ", ", name.get());
    }
    return out;
}

void check_creds(const img::core_entry &core, bool leader, const Host &host)
{
    if (leader && core.tc().task_state() == 2)
        return;
    if (!core.thread_core().has_creds())
        bad_image("the core image has no credentials");
    const img::creds_entry &creds = core.thread_core().creds();
    for (int size : {creds.cap_inh_size(), creds.cap_prm_size(), creds.cap_eff_size(), creds.cap_bnd_size()})
        if (size < 1 || size > 2)
            bad_image(cat("a capability set of ", size, " words"));
    if (creds.groups_size() > 65536)
        bad_image(cat(creds.groups_size(), " supplementary groups"));
    if (!creds.lsm_profile().empty() && creds.lsm_profile() != "unconfined")
        refused(cat("the LSM label ", printable(creds.lsm_profile()), " cannot be set yet"));
    if (uint64_t missing = join(creds.cap_prm()) & ~host.bounding)
        refused(cat("the task has capabilities that we do not have and cannot give: ", capability_names(missing)),
                "restore with more privileges");
}

program::DataId cap_data(uint64_t effective, uint64_t permitted, uint64_t inheritable, Build &build)
{
    __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].effective = static_cast<uint32_t>(effective >> (32 * i));
        data[i].permitted = static_cast<uint32_t>(permitted >> (32 * i));
        data[i].inheritable = static_cast<uint32_t>(inheritable >> (32 * i));
    }
    return build.region.data(data, sizeof data);
}

void prctl(Build &build, const char *what, program::Value option, program::Value a = 0, program::Value b = 0)
{
    build.program.sys(SYS_prctl, {option, a, b, 0, 0}, program::On::Fail, what);
}

void arm_ids(const img::creds_entry &creds, Build &build)
{
    std::vector<uint32_t> groups(creds.groups().begin(), creds.groups().end());
    auto groups_data = build.region.data(groups.data(), groups.size() * 4);
    build.program.sys(SYS_setgroups, {groups.size(), groups_data}, program::On::Fail, "supplementary groups");
    build.program.sys(SYS_setresgid, {creds.gid(), creds.egid(), creds.sgid()}, program::On::Fail,
                      "group ids");
    build.program.sys(SYS_setfsgid, {creds.fsgid()});
    build.program.sys(SYS_setresuid, {creds.uid(), creds.euid(), creds.suid()}, program::On::Fail,
                      "user ids");
    build.program.sys(SYS_setfsuid, {creds.fsuid()});
}

void arm_all(const img::creds_entry &creds, const Host &host, Build &build)
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    auto header_data = build.region.data(&header, sizeof header);
    uint64_t inheritable = join(creds.cap_inh()), bounding = join(creds.cap_bnd()),
             ambient = join(creds.cap_amb());
    auto capset = [&](uint64_t eff, uint64_t prm, uint64_t inh) {
        build.program.sys(SYS_capset, {header_data, cap_data(eff, prm, inh, build)}, program::On::Fail,
                          "capabilities");
    };
    capset(host.bounding, host.bounding, inheritable);
    for (int cap = 0; cap < 64; cap++)
        if ((host.bounding & ~bounding) & (1ull << cap))
            prctl(build, "capability bounding set", PR_CAPBSET_DROP, cap);
    prctl(build, "securebits", PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP);
    arm_ids(creds, build);
    capset(host.bounding, host.bounding, inheritable);
    prctl(build, "ambient capabilities", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
    for (int cap = 0; cap < 64; cap++)
        if (ambient & (1ull << cap))
            prctl(build, "ambient capabilities", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
    prctl(build, "securebits", PR_SET_SECUREBITS, creds.secbits());
    capset(join(creds.cap_eff()), join(creds.cap_prm()), inheritable);
    if (creds.no_new_privs())
        prctl(build, "no_new_privs", PR_SET_NO_NEW_PRIVS, 1);
}

void arm_creds(const img::core_entry &core, bool, Phase phase, const Host &host, Build &build)
{
    if (phase == Phase::Creds)
        arm_all(core.thread_core().creds(), host, build);
    else if (phase == Phase::Last)
        prctl(build, "parent-death signal", PR_SET_PDEATHSIG, core.thread_core().pdeath_sig());
}

} // namespace

extern const Kind kCredentials;
const Kind kCredentials = {"credentials", nullptr, capture_ids, check_creds, arm_creds};

} // namespace cr::task
