#include "rpc_words.h"

#include "libcr/base/cpu_cap.h"
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/cli/config_file.h"
#include "libcr/cli/option.h"

#include <fstream>
#include <iterator>

namespace cr::tools
{

namespace
{

using Words = std::vector<std::string>;
using Opts = img::criu_opts;

// Fields that are an option of the same meaning.
struct Switch {
    const char *name;
    bool (Opts::*is)() const;
};
constexpr Switch kSwitches[] = {
    {"leave-running", &Opts::leave_running},
    {"leave-stopped", &Opts::leave_stopped},
    {"ext-unix-sk", &Opts::ext_unix_sk},
    {"tcp-established", &Opts::tcp_established},
    {"tcp-close", &Opts::tcp_close},
    {"skip-in-flight", &Opts::tcp_skip_in_flight},
    {"evasive-devices", &Opts::evasive_devices},
    {"shell-job", &Opts::shell_job},
    {"file-locks", &Opts::file_locks},
    {"track-mem", &Opts::track_mem},
    {"auto-dedup", &Opts::auto_dedup},
    {"link-remap", &Opts::link_remap},
    {"force-irmap", &Opts::force_irmap},
    {"enable-external-sharing", &Opts::ext_sharing},
    {"enable-external-masters", &Opts::ext_masters},
    {"weak-sysctls", &Opts::weak_sysctls},
    {"lazy-pages", &Opts::lazy_pages},
    {"tls", &Opts::tls},
    {"tls-no-cn-verify", &Opts::tls_no_cn_verify},
    {"mntns-compat-mode", &Opts::mntns_compat_mode},
    {"skip-file-rwx-check", &Opts::skip_file_rwx_check},
    {"unprivileged", &Opts::unprivileged},
    {"display-stats", &Opts::display_stats},
};

struct Text {
    const char *name;
    bool (Opts::*has)() const;
    const std::string &(Opts::*is)() const;
};
constexpr Text kTexts[] = {
    {"root", &Opts::has_root, &Opts::root},
    {"prev-images-dir", &Opts::has_parent_img, &Opts::parent_img},
    {"cgroup-props", &Opts::has_cgroup_props, &Opts::cgroup_props},
    {"cgroup-props-file", &Opts::has_cgroup_props_file, &Opts::cgroup_props_file},
    {"cgroup-yard", &Opts::has_cgroup_yard, &Opts::cgroup_yard},
    {"freeze-cgroup", &Opts::has_freeze_cgroup, &Opts::freeze_cgroup},
    {"lsm-profile", &Opts::has_lsm_profile, &Opts::lsm_profile},
    {"lsm-mount-context", &Opts::has_lsm_mount_context, &Opts::lsm_mount_context},
    {"tls-cacert", &Opts::has_tls_cacert, &Opts::tls_cacert},
    {"tls-cacrl", &Opts::has_tls_cacrl, &Opts::tls_cacrl},
    {"tls-cert", &Opts::has_tls_cert, &Opts::tls_cert},
    {"tls-key", &Opts::has_tls_key, &Opts::tls_key},
};

struct List {
    const char *name;
    const google::protobuf::RepeatedPtrField<std::string> &(Opts::*all)() const;
};
constexpr List kLists[] = {
    {"skip-mnt", &Opts::skip_mnt},
    {"enable-fs", &Opts::enable_fs},
    {"irmap-scan-path", &Opts::irmap_scan_paths},
    {"external", &Opts::external},
    {"cgroup-dump-controller", &Opts::cgroup_dump_controller},
};

std::string option(std::string_view name, std::string_view value) { return cat("--", name, "=", value); }

std::string cgroup_mode(const Opts &opts)
{
    if (!opts.has_manage_cgroups_mode())
        return "soft";
    switch (opts.manage_cgroups_mode()) {
    case img::IGNORE:
        return "ignore";
    case img::CG_NONE:
        return "none";
    case img::PROPS:
        return "props";
    case img::FULL:
        return "full";
    case img::STRICT:
        return "strict";
    case img::SOFT:
    case img::DEFAULT:
        break;
    }
    return "soft";
}

std::string cpu_cap(uint32_t bits)
{
    std::string names = "image"; // that the field is there asks for it
    names += bits & kCpuFpu ? ",fpu" : "";
    names += bits & kCpuAll ? ",cpu" : "";
    names += bits & kCpuIns ? ",ins" : "";
    return names;
}

void add_page_server(const Opts &opts, Words &out)
{
    if (!opts.has_ps())
        return;
    if (!opts.lazy_pages())
        out.emplace_back("--page-server");
    if (opts.ps().has_address())
        out.push_back(option("address", opts.ps().address()));
    if (opts.ps().has_port())
        out.push_back(option("port", cat(opts.ps().port())));
    if (opts.ps().has_fd()) // inherited by the worker, not one of the client's
        out.push_back(option("ps-socket", cat(opts.ps().fd())));
}

// Things that are composed of several fields.
void add_resources(const Opts &opts, Words &out)
{
    for (const auto &one : opts.veths())
        out.push_back(option("veth-pair", cat(one.if_in(), "=", one.if_out())));
    for (const auto &one : opts.ext_mnt())
        out.push_back(option("ext-mount-map", cat(one.key(), ":", one.val())));
    if (opts.auto_ext_mnt())
        out.push_back(option("ext-mount-map", "auto"));
    for (const auto &one : opts.cg_root())
        out.push_back(option("cgroup-root", one.has_ctrl() ? cat(one.ctrl(), ":", one.path()) : one.path()));
    for (const auto &one : opts.join_ns())
        out.push_back(option(
            "join-ns", cat(one.ns(), ":", one.ns_file(), one.has_extra_opt() ? "," : "", one.extra_opt())));
    std::string inodes;
    for (const auto &one : opts.unix_sk_ino())
        inodes += cat(inodes.empty() ? "" : ",", one.inode());
    if (!inodes.empty())
        out.push_back(option("ext-unix-sk", inodes));
    constexpr uint32_t kNewNet = 0x40000000; // CLONE_NEWNET
    if (opts.empty_ns() & kNewNet)
        out.push_back(option("empty-ns", "net"));
    if (opts.empty_ns() & ~kNewNet)
        usage("only a network namespace can be left empty");
}

void add_numbers(const Opts &opts, Words &out)
{
    if (opts.has_ghost_limit())
        out.push_back(option("ghost-limit", cat(opts.ghost_limit())));
    if (opts.has_timeout())
        out.push_back(option("timeout", cat(opts.timeout())));
    if (opts.has_cpu_cap())
        out.push_back(option("cpu-cap", cpu_cap(opts.cpu_cap())));
    if (opts.has_network_lock())
        out.push_back(option("network-lock", opts.network_lock() == img::NFTABLES ? "nftables"
                                             : opts.network_lock() == img::SKIP   ? "skip"
                                                                                  : "iptables"));
    if (opts.has_manage_cgroups_mode() || opts.manage_cgroups())
        out.push_back(option("manage-cgroups", cgroup_mode(opts)));
}

} // namespace

Words words_of(const Opts &opts, img::criu_req_type type, const std::function<int(int)> &descriptor)
{
    Words out;
    for (const Switch &one : kSwitches)
        if ((opts.*one.is)())
            out.push_back(cat("--", one.name));
    for (const Text &one : kTexts)
        if ((opts.*one.has)())
            out.push_back(option(one.name, (opts.*one.is)()));
    for (const List &one : kLists)
        for (const std::string &value : (opts.*one.all)())
            out.push_back(option(one.name, value));
    add_numbers(opts, out);
    add_resources(opts, out);
    add_page_server(opts, out);
    if (opts.has_status_fd())
        out.push_back(option("status-fd", cat(descriptor(opts.status_fd()))));
    if (opts.has_pre_dump_mode() && (type == img::PRE_DUMP || type == img::SINGLE_PRE_DUMP))
        out.push_back(option("pre-dump-mode", opts.pre_dump_mode() == img::VM_READ ? "read" : "splice"));
    if (type == img::RESTORE) {
        out.emplace_back("--restore-detached");
        if (opts.rst_sibling())
            out.emplace_back("--restore-sibling");
    }
    return out;
}

Words words_of_config(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        failed(cat("read the configuration file ", printable(path)));
    std::string text(std::istreambuf_iterator<char>(file), {});
    cli::Parsed parsed;
    parsed.tool = &cli::tool("cr");
    parsed.given = cli::parse_config(*parsed.tool, text, path);
    auto words = parsed.arguments_for(*parsed.tool);
    words.erase(words.begin());
    return words;
}

} // namespace cr::tools
