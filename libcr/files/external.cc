#include "libcr/files/external.h"

#include "libcr/base/text.h"
#include "libcr/proc/fdinfo.h"
#include "libcr/proc/pid_dir.h"

#include <algorithm>
#include <sys/socket.h>

namespace cr::files
{

namespace
{

// "[1A:02b]" in its shortest form; nothing when it is no such pair.
std::optional<std::string> pair_of(std::string_view text)
{
    std::string_view rest = take_until(text, ']');
    auto first = parse_int<uint64_t>(take_until(rest, ':'), 16), second = parse_int<uint64_t>(rest, 16);
    if (!first || !second)
        return std::nullopt;
    return cat("[", hex(*first), ":", hex(*second), "]");
}

} // namespace

std::string external_key(std::string_view given)
{
    for (std::string_view type : {"file", "tty"})
        if (given.starts_with(type) && given.substr(type.size()).starts_with('['))
            if (auto pair = pair_of(given.substr(type.size() + 1)))
                return cat(type, *pair);
    for (std::string_view type : {"pipe", "socket", "unix"}) {
        std::string_view rest = given.starts_with(type) ? given.substr(type.size()) : "";
        if (rest.starts_with(":["))
            rest.remove_prefix(1);
        if (!rest.starts_with('['))
            continue;
        std::string_view inode = rest.substr(1), digits = take_until(inode, ']');
        if (parse_int<uint64_t>(digits))
            return cat(type, type == "unix" ? "[" : ":[", digits, "]");
    }
    return std::string(given.substr(given.starts_with('/') && given != "/"));
}

bool is_external(std::string_view key, const DumpOptions &options)
{
    return std::any_of(options.external.begin(), options.external.end(),
                       [&](const std::string &given) { return external_key(given) == key; });
}

std::string file_key(const Facts &facts)
{
    int mount = facts.info.mnt_id;
    if (mount < 0)
        mount = proc::parse_fdinfo(proc::PidDir(facts.pid).read(cat("fdinfo/", facts.fd).c_str())).mnt_id;
    return cat("file[", hex(static_cast<uint64_t>(mount)), ":", hex(facts.st.st_ino), "]");
}

bool is_external_file(const Facts &facts, const DumpOptions &options)
{
    if (facts.fd < 0 || !facts.link.starts_with('/'))
        return false;
    std::string inode = cat(":", hex(facts.st.st_ino), "]");
    auto is_it = [&](const std::string &given) {
        std::string key = external_key(given);
        return key.starts_with("file[") && key.ends_with(inode) && key == file_key(facts);
    };
    return std::any_of(options.external.begin(), options.external.end(), is_it);
}

bool is_external_socket(const Facts &facts, const DumpOptions &options)
{
    return (facts.socket_domain == AF_INET || facts.socket_domain == AF_INET6) &&
           is_external(cat("socket:[", facts.st.st_ino, "]"), options);
}

} // namespace cr::files
