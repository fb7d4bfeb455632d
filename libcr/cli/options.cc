#include "libcr/cli/options.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>

namespace cr::cli
{

namespace
{

constexpr int64_t kMaxInt = std::numeric_limits<int>::max();

// "-v" adds one, "-vvv" adds three, "-v4" and "--verbosity=4" set; what is no number counts as 0, as in CRIU.
int log_level(const Parsed &parsed)
{
    int level = log::kWarning;
    for (const Given &one : parsed.given) {
        if (one.option->name != std::string_view("verbosity"))
            continue;
        if (!one.value)
            level++;
        else if (one.value->starts_with('v'))
            level += 1 + static_cast<int>(one.value->size());
        else
            level = std::atoi(one.value->c_str());
    }
    return level;
}

uint64_t size_with_suffix(std::string_view option, const std::string &text)
{
    std::string_view digits = text;
    unsigned shift = 0;
    if (!digits.empty()) {
        switch (digits.back()) {
        case 'K':
        case 'k':
            shift = 10;
            break;
        case 'M':
        case 'm':
            shift = 20;
            break;
        case 'G':
        case 'g':
            shift = 30;
            break;
        default:
            break;
        }
        if (shift)
            digits.remove_suffix(1);
    }
    auto number = parse_int<uint64_t>(digits);
    if (!number || *number > std::numeric_limits<uint64_t>::max() >> shift)
        usage(cat("--", option, " takes a size such as 512K or 4M, not '", printable(text), "'"));
    return *number << shift;
}

ExternalUnixSockets external_unix_sockets(const Parsed &parsed)
{
    ExternalUnixSockets sockets;
    bool any = false;
    for (const Given &one : parsed.given) {
        if (one.option->name != std::string_view("ext-unix-sk"))
            continue;
        sockets.allowed = true;
        any |= !one.value;
        for (std::string_view rest = one.value ? std::string_view(*one.value) : ""; !rest.empty();) {
            auto inode = parse_int<uint32_t>(take_until(rest, ','));
            if (!inode || !*inode)
                usage(cat("--ext-unix-sk takes inode numbers, not '", printable(*one.value), "'"));
            sockets.inodes.push_back(*inode);
        }
    }
    if (any)
        sockets.inodes.clear();
    return sockets;
}

std::vector<std::string> unix_peers(const Parsed &parsed)
{
    std::vector<std::string> out = parsed.values("unix-peer");
    for (const std::string &text : out) {
        size_t sign = text.rfind('=');
        std::string_view action = sign == std::string::npos ? "" : std::string_view(text).substr(sign + 1);
        if (!sign || (action != "reconnect" && action != "close" && action != "null"))
            usage(cat("--unix-peer takes NAME=reconnect, NAME=close or NAME=null, not '", printable(text), "'"));
    }
    return out;
}

// "fd[3]:pipe:[4711]", "debug[3]:text"
InheritFd inherit_fd(std::string_view text)
{
    std::string_view rest = text;
    std::string_view type = take_until(rest, '[');
    auto fd = parse_int<int>(take_until(rest, ']'));
    if ((type != "fd" && type != "debug") || !fd || *fd < 0 || !rest.starts_with(':') || rest.size() < 2)
        usage(cat("--inherit-fd takes fd[N]:RESOURCE, not '", printable(text), "'"));
    return {*fd, std::string(rest.substr(1)), type == "debug"};
}

// "/old=/new"; either may have a "=" of its own.
std::pair<std::string, std::string> map_path(std::string_view text)
{
    size_t at = text.find("=/");
    if (!text.starts_with('/') || at == text.npos)
        usage(cat("--map-path takes two absolute names, OLD=NEW, not '", printable(text), "'"));
    return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

std::string contents_of(const std::string &path)
{
    std::ifstream file(path);
    std::string out{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file || out.size() > 1 << 20)
        failed("read " + path);
    return out;
}

// What a command does not take is not there to be asked for.
Cgroups cgroups(const Parsed &parsed)
{
    Cgroups out;
    out.asked = parsed.has("manage-cgroups");
    if (parsed.value("manage-cgroups"))
        out.mode = parsed.word("manage-cgroups", out.mode, "none,props,soft,full,strict,ignore");
    out.root = parsed.values("cgroup-root");
    out.yard = parsed.value("cgroup-yard").value_or("");
    out.properties = parsed.value("cgroup-props").value_or("");
    if (auto file = parsed.value("cgroup-props-file"))
        out.properties.append("\n").append(contents_of(*file));
    out.dump_controllers = parsed.values("cgroup-dump-controller");
    return out;
}

uint32_t allowed_loss(const Parsed &parsed)
{
    uint32_t out = 0;
    for (const std::string &list : parsed.values("allow-loss"))
        for (std::string_view rest = list; !rest.empty();) {
            std::string_view word = take_until(rest, ',');
            auto known = std::find_if(std::begin(kLossNames), std::end(kLossNames),
                                      [&](const LossName &name) { return name.name == word; });
            if (known == std::end(kLossNames))
                usage(cat("--allow-loss does not know '", printable(word), "'"),
                      "it knows keyrings and landlock");
            out |= known->bit;
        }
    return out;
}

// "all,^cpu": names add up, from nothing; a list that begins with a name to take away begins with everything.
uint32_t cpu_cap(const Parsed &parsed)
{
    constexpr struct {
        std::string_view name;
        uint32_t bits;
    } kNames[] = {{"none", 0},      {"fpu", kCpuFpu},     {"cpu", kCpuAll},
                  {"ins", kCpuIns}, {"image", kCpuImage}, {"all", kCpuEverything | kCpuImage}};
    if (!parsed.has("cpu-cap"))
        return kCpuDefault;
    auto text = parsed.value("cpu-cap");
    if (!text)
        return kCpuEverything | kCpuImage;
    uint32_t bits = text->starts_with('^') ? kCpuEverything | kCpuImage : 0;
    bool none = false;
    for (std::string_view rest = *text; !rest.empty();) {
        std::string_view word = take_until(rest, ',');
        bool away = word.starts_with('^');
        word.remove_prefix(away);
        const auto *found = std::find_if(std::begin(kNames), std::end(kNames),
                                         [&](const auto &one) { return one.name == word; });
        if (found == std::end(kNames))
            usage(cat("--cpu-cap does not know '", printable(word), "'"),
                  "it takes none, fpu, cpu, ins, all and image, with commas between them and ^ before what "
                  "is not "
                  "wanted");
        none |= !away && !found->bits;
        bits = away ? bits & ~found->bits : bits | found->bits;
    }
    return none || !(bits & kCpuEverything) ? bits
                                            : bits | (text->find("^image") == text->npos ? kCpuImage : 0);
}

// The one of several flags that was given last, which counts.
After after_option(const Parsed &parsed)
{
    After after = After::Kill;
    for (const Given &one : parsed.given) {
        std::string_view name = one.option->name;
        if (name == "leave-running" || name == "resume")
            after = After::Run;
        else if (name == "leave-stopped" || name == "stop")
            after = After::Stop;
        else if (name == "kill")
            after = After::Kill;
    }
    return after;
}

pid_t tree(const Parsed &parsed) { return static_cast<pid_t>(parsed.number("tree", 0, 1, kMaxInt)); }

int descriptor(const Parsed &parsed, std::string_view name)
{
    return static_cast<int>(parsed.number(name, -1, 0, kMaxInt));
}

PluginOptions plugin_options(const Parsed &parsed)
{
    PluginOptions out;
    out.timeout_s = static_cast<unsigned>(parsed.number("plugin-timeout", out.timeout_s, 1, kMaxInt));
    const char *environment = ::secure_getenv("CRIU_LIBS_DIR");
    if (auto given = parsed.value("libdir")) {
        out.dir = *given;
        out.must = true;
    } else if (environment && *environment) {
        out.dir = environment;
        out.must = true;
    }
    return out;
}

DumpPolicy dump_policy(const Parsed &parsed)
{
    DumpPolicy policy;
    policy.shell_job = parsed.on("shell-job");
    policy.orphan_pts_master = parsed.on("orphan-pts-master");
    policy.timeout_s = static_cast<unsigned>(parsed.number("timeout", policy.timeout_s, 0, kMaxInt));
    policy.file_locks = parsed.on("file-locks");
    policy.link_remap = parsed.on("link-remap");
    if (auto limit = parsed.value("ghost-limit"))
        policy.ghost_limit = size_with_suffix("ghost-limit", *limit);
    policy.ghost_fiemap = parsed.on("ghost-fiemap", true);
    policy.evasive_devices = parsed.on("evasive-devices");
    policy.force_irmap = parsed.on("force-irmap");
    policy.irmap_scan_paths = parsed.values("irmap-scan-path");
    policy.ext_unix_sk = external_unix_sockets(parsed);
    policy.unix_peers = unix_peers(parsed);
    policy.external = parsed.values("external");
    policy.tcp_established = parsed.on("tcp-established");
    policy.tcp_close = parsed.on("tcp-close");
    policy.skip_in_flight = parsed.on("skip-in-flight");
    policy.network_lock = parsed.word("network-lock", policy.network_lock, "iptables,nftables,skip");
    policy.cgroups = cgroups(parsed);
    policy.freeze_cgroup = parsed.value("freeze-cgroup").value_or("");
    policy.freeze = parsed.word("freeze", policy.freeze, "copy,snapshot,auto");
    if (auto limit = parsed.value("max-memory"))
        policy.max_memory = size_with_suffix("max-memory", *limit);
    policy.prev_images_dir = parsed.value("prev-images-dir").value_or("");
    policy.track_mem = parsed.on("track-mem");
    policy.auto_dedup = parsed.on("auto-dedup");
    policy.share_pages = parsed.on("share-pages");
    policy.allow_loss = allowed_loss(parsed);
    policy.cpu_cap = cpu_cap(parsed);
    policy.plugins = plugin_options(parsed);
    policy.pre_dump = parsed.commands() == kPreDump || parsed.on("memory-only");
    return policy;
}

} // namespace

Common common_options(const Parsed &parsed)
{
    Common common;
    common.images_dir = parsed.value("images-dir").value_or(".");
    common.work_dir = parsed.value("work-dir").value_or(common.images_dir);
    common.log_file = parsed.value("log-file").value_or("");
    common.log_level = log_level(parsed);
    common.json = parsed.on("json");
    return common;
}

DumpOptions dump_options(const Parsed &parsed)
{
    DumpOptions options;
    static_cast<Common &>(options) = common_options(parsed);
    options.tree = tree(parsed);
    if (!options.tree)
        usage("a dump needs the root of the tree", "say which with --tree PID");
    options.after = after_option(parsed);
    options.dry_run = parsed.on("dry-run");
    options.policy = dump_policy(parsed);
    options.action_scripts = parsed.values("action-script");
    options.notify_fd = descriptor(parsed, "notify-fd");
    options.pidfile = parsed.value("pidfile").value_or("");
    options.status_fd = descriptor(parsed, "status-fd");
    options.display_stats = parsed.on("display-stats");
    return options;
}

StageOptions stage_options(const Parsed &parsed) { return {common_options(parsed), tree(parsed)}; }

ThawOptions thaw_options(const Parsed &parsed)
{
    return {common_options(parsed), after_option(parsed), parsed.values("action-script"),
            descriptor(parsed, "notify-fd"), parsed.on("display-stats")};
}

RestoreOptions restore_options(const Parsed &parsed)
{
    RestoreOptions options;
    static_cast<Common &>(options) = common_options(parsed);
    options.detached = parsed.on("restore-detached");
    options.sibling = parsed.on("restore-sibling");
    options.leave_stopped = after_option(parsed) == After::Stop;
    options.auto_dedup = parsed.on("auto-dedup");
    options.cpu_cap = cpu_cap(parsed);
    options.shell_job = parsed.on("shell-job");
    options.stdio = parsed.value("stdio").value_or("");
    options.orphan_pts_master = parsed.on("orphan-pts-master");
    options.dry_run = parsed.on("dry-run");
    options.exec_cmd = parsed.operands;
    options.plugins = plugin_options(parsed);
    options.skip_file_rwx_check = parsed.on("skip-file-rwx-check");
    if (parsed.word("file-validation", "buildid", "buildid,filesize") == "filesize")
        options.file_validation = FileValidation::FileSize;
    options.ext_unix_sk = external_unix_sockets(parsed);
    options.external = parsed.values("external");
    for (const std::string &text : parsed.values("inherit-fd"))
        options.inherit_fds.push_back(inherit_fd(text));
    for (const std::string &text : parsed.values("map-path"))
        options.map_paths.push_back(map_path(text));
    options.file_locks = parsed.on("file-locks");
    options.tcp_established = parsed.on("tcp-established");
    options.tcp_close = parsed.on("tcp-close");
    options.weak_sysctls = parsed.on("weak-sysctls");
    options.cgroups = cgroups(parsed);
    options.root = parsed.value("root").value_or("");
    options.action_scripts = parsed.values("action-script");
    options.notify_fd = descriptor(parsed, "notify-fd");
    options.pidfile = parsed.value("pidfile").value_or("");
    options.status_fd = descriptor(parsed, "status-fd");
    options.display_stats = parsed.on("display-stats");
    return options;
}

CheckOptions check_options(const Parsed &parsed)
{
    CheckOptions options;
    static_cast<Common &>(options) = common_options(parsed);
    options.features = parsed.values("feature");
    options.extra = parsed.on("extra") || parsed.on("all");
    options.descriptors = parsed.on("descriptors");
    options.experimental = parsed.on("experimental") || parsed.on("all");
    return options;
}

ServiceOptions service_options(const Parsed &parsed)
{
    ServiceOptions options;
    static_cast<Common &>(options) = common_options(parsed);
    options.address = parsed.value("address").value_or(options.address);
    options.detached = parsed.on("restore-detached");
    options.action_scripts = parsed.values("action-script");
    options.pidfile = parsed.value("pidfile").value_or("");
    options.status_fd = descriptor(parsed, "status-fd");
    return options;
}

CpuOptions cpu_options(const Parsed &parsed)
{
    return {common_options(parsed), cpu_cap(parsed), parsed.on("record")};
}

ShowOptions show_options(const Parsed &parsed) { return {common_options(parsed), parsed.operands}; }

} // namespace cr::cli
