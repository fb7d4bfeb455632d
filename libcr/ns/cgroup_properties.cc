#include "libcr/ns/cgroup_properties.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <algorithm>
#include <iterator>

namespace cr::ns
{

namespace
{

using List = std::vector<std::string>;

const char *const kLimits[] = {
    "cpu.idle",        "cpu.weight",      "cpu.max",         "cpu.max.burst",  "cpu.uclamp.min",
    "cpu.uclamp.max",  "memory.min",      "memory.low",      "memory.high",    "memory.max",
    "memory.swap.high", "memory.swap.max", "memory.zswap.max", "memory.oom.group", "io.weight",
    "io.max",          "cpuset.cpus.partition"};

// Words of the text: strings in double quotes, and single characters.
struct Token {
    char kind; // '"' or the character; 0 at the end
    std::string text;
};

class Tokens
{
  public:
    explicit Tokens(std::string_view text) : rest_(text) { next(); }
    const Token &now() const { return now_; }
    bool take(char kind)
    {
        if (now_.kind != kind)
            return false;
        next();
        return true;
    }
    void must(char kind)
    {
        if (!take(kind))
            wrong(kind == '"' ? "a string in double quotes" : std::string(1, kind));
    }
    std::string string()
    {
        std::string out = now_.text;
        must('"');
        return out;
    }
    [[noreturn]] void wrong(const std::string &wanted) const
    {
        usage(cat("the description of cgroup properties has ",
                  now_.kind == 0 ? "its end" : cat("'", printable(now_.text), "'"), " where ", wanted,
                  " has to be"),
              "it looks like  \"memory\":\\n  - \"strategy\": \"merge\"\\n  - \"properties\": [\"memory.high\"]");
    }

  private:
    void next()
    {
        for (;;) {
            if (rest_.starts_with("\\n") || rest_.starts_with("\\t"))
                rest_.remove_prefix(2);
            else if (!rest_.empty() && std::string_view(" \t\r\n").find(rest_[0]) != std::string_view::npos)
                rest_.remove_prefix(1);
            else
                break;
        }
        if (rest_.empty()) {
            now_ = {0, {}};
        } else if (rest_[0] == '"') {
            rest_.remove_prefix(1);
            if (rest_.find('"') == std::string_view::npos) {
                now_ = {0, {}};
                wrong("another double quote");
            }
            now_ = {'"', std::string(take_until(rest_, '"'))};
        } else {
            now_ = {rest_[0], std::string(1, rest_[0])};
            rest_.remove_prefix(1);
        }
    }

    std::string_view rest_;
    Token now_{};
};

} // namespace

CgroupProperties::CgroupProperties()
{
    // A limit on memory and swap together may not be lower than the one on memory; a cpuset needs both its
    // lists before it takes tasks.
    lists_ = {
        {"cpu", {"cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.rt_period_us",
                 "cpu.rt_runtime_us"}},
        {"memory", {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.swappiness",
                    "memory.soft_limit_in_bytes", "memory.move_charge_at_immigrate", "memory.oom_control",
                    "memory.use_hierarchy", "memory.kmem.limit_in_bytes",
                    "memory.kmem.tcp.limit_in_bytes"}},
        {"cpuset", {"cpuset.cpus", "cpuset.mems", "cpuset.memory_migrate", "cpuset.cpu_exclusive",
                    "cpuset.mem_exclusive", "cpuset.mem_hardwall", "cpuset.memory_spread_page",
                    "cpuset.memory_spread_slab", "cpuset.sched_load_balance",
                    "cpuset.sched_relax_domain_level"}},
        {"blkio", {"blkio.weight"}},
        {"net_cls", {"net_cls.classid"}},
        {"net_prio", {"net_prio.ifpriomap"}},
        {"pids", {"pids.max"}},
        {"devices", {"devices.list"}},
    };
    for (const char *limit : kLimits)
        lists_[std::string(limit, std::string_view(limit).find('.'))].emplace_back(limit);
}

void CgroupProperties::add(std::string_view text)
{
    Tokens tokens(text);
    while (tokens.now().kind) {
        std::string controller = tokens.string();
        tokens.must(':');
        List added;
        bool replace = false;
        while (tokens.take('-')) {
            std::string key = tokens.string();
            tokens.must(':');
            if (key == "strategy") {
                if (tokens.now().text != "merge" && tokens.now().text != "replace")
                    tokens.wrong("\"merge\" or \"replace\"");
                replace = tokens.string() == "replace";
            } else if (key == "properties") {
                tokens.must('[');
                while (tokens.now().kind == '"') {
                    added.push_back(tokens.string());
                    if (!tokens.take(','))
                        break;
                }
                tokens.must(']');
            } else {
                usage(cat("the description of cgroup properties has the unknown key '", printable(key), "'"));
            }
        }
        for (const std::string &name : added)
            if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.'))
                usage(cat("'", printable(name), "' is no name of a cgroup property"));
        List &list = lists_[controller];
        if (replace)
            list.clear();
        for (std::string &name : added)
            if (std::find(list.begin(), list.end(), name) == list.end())
                list.push_back(std::move(name));
    }
}

const std::vector<std::string> &CgroupProperties::of(const std::string &controller) const
{
    static const List none;
    auto found = lists_.find(controller);
    return found == lists_.end() ? none : found->second;
}

const std::vector<std::string> &CgroupProperties::common(bool version_2)
{
    static const List first{"cgroup.clone_children", "notify_on_release", "cgroup.procs", "tasks"};
    static const List second{"cgroup.type",      "cgroup.subtree_control", "cgroup.max.descendants",
                             "cgroup.max.depth", "cgroup.freeze",          "cgroup.procs",
                             "cgroup.threads"};
    return version_2 ? second : first;
}

bool may_be_missing(std::string_view property)
{
    return property == "pids.max" || property.starts_with("cpuset.") ||
           std::find(std::begin(kLimits), std::end(kLimits), property) != std::end(kLimits);
}

} // namespace cr::ns
