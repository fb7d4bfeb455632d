#include "libcr/files/multicast.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/files/inet_socket.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/sys/gate.h"

#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

constexpr size_t kMostSources = 4096;

// struct group_filter with room for so many sources.
class Filter
{
  public:
    Filter(uint32_t interface, const std::string &group, size_t sources) : bytes_(GROUP_FILTER_SIZE(sources))
    {
        group_filter &head = get();
        head.gf_interface = interface;
        std::memcpy(&head.gf_group, group.data(), std::min(group.size(), sizeof head.gf_group));
        head.gf_numsrc = static_cast<uint32_t>(sources);
    }
    group_filter &get() { return *reinterpret_cast<group_filter *>(bytes_.data()); }
    // gf_slist is declared with one member.
    char *source(size_t i)
    {
        return bytes_.data() + offsetof(group_filter, gf_slist) + i * sizeof(sockaddr_storage);
    }
    char *data() { return bytes_.data(); }
    size_t size() const { return bytes_.size(); }

  private:
    std::vector<char> bytes_;
};

std::string text_of(std::string_view proc_file)
{
    try {
        return proc::PidDir(::getpid()).read(cat("net/", proc_file).c_str());
    } catch (const Error &) { // a kernel without IPv6, or without multicast
        return {};
    }
}

size_t size_of(int level) { return level == IPPROTO_IP ? sizeof(sockaddr_in) : sizeof(sockaddr_in6); }

int level_of(const std::string &address)
{
    return address.size() == sizeof(sockaddr_in) ? IPPROTO_IP : IPPROTO_IPV6;
}

} // namespace

MulticastGroups MulticastGroups::read() { return parse(text_of("igmp"), text_of("igmp6")); }

// "1	lo        :     1      V3" and, in further lines, "				010000E0     1 0:00000000		0".
// "1    lo              ff020000000000000000000000000001     1 0000000C 0"
MulticastGroups MulticastGroups::parse(std::string_view igmp, std::string_view igmp6)
{
    MulticastGroups out;
    take_until(igmp, '\n'); // the heading
    uint32_t interface = 0;
    while (!igmp.empty()) {
        std::string_view line = take_until(igmp, '\n');
        bool is_group = line.starts_with("\t\t");
        std::string_view word = take_word(line);
        if (!is_group) {
            interface = parse_int<uint32_t>(word).value_or(0);
            continue;
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = parse_int<uint32_t>(word, 16).value_or(0);
        out.all_.push_back({IPPROTO_IP, interface, {reinterpret_cast<char *>(&address), sizeof address}});
    }
    while (!igmp6.empty()) {
        std::string_view line = take_until(igmp6, '\n');
        auto index = parse_int<uint32_t>(take_word(line));
        take_word(line);
        std::string_view digits = take_word(line);
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        if (!index || digits.size() != 32)
            continue;
        for (size_t i = 0; i < 16; i++)
            address.sin6_addr.s6_addr[i] = parse_int<uint8_t>(digits.substr(2 * i, 2), 16).value_or(0);
        out.all_.push_back({IPPROTO_IPV6, *index, {reinterpret_cast<char *>(&address), sizeof address}});
    }
    return out;
}

void MulticastGroups::capture(int fd, img::inet_sk_entry &to) const
{
    for (const Group &group : all_) {
        if (group.level == IPPROTO_IPV6 && to.family() != AF_INET6)
            continue;
        Filter none(group.interface, group.address, 0);
        socklen_t size = static_cast<socklen_t>(none.size());
        if (sys::call(SYS_getsockopt, fd, group.level, MCAST_MSFILTER, none.data(), &size) < 0)
            continue;
        Filter filter(group.interface, group.address, none.get().gf_numsrc);
        size = static_cast<socklen_t>(filter.size());
        char name[IF_NAMESIZE] = "";
        sys::check(sys::call(SYS_getsockopt, fd, group.level, MCAST_MSFILTER, filter.data(), &size),
                   "read its filter of a multicast group");
        if (!::if_indextoname(group.interface, name))
            failed_with(errno, cat("find the name of interface ", group.interface));
        img::cr_membership &out = *to.add_cr_memberships();
        out.set_group(group.address);
        out.set_interface(name);
        out.set_exclude(filter.get().gf_fmode == MCAST_EXCLUDE);
        for (size_t i = 0; i < none.get().gf_numsrc; i++)
            out.add_sources(filter.source(i), size_of(group.level));
    }
}

void check_memberships(const img::inet_sk_entry &from)
{
    for (const img::cr_membership &group : from.cr_memberships()) {
        if (group.group().size() != sizeof(sockaddr_in) && group.group().size() != sizeof(sockaddr_in6))
            bad_image(cat("a multicast group whose address has ", group.group().size(), " bytes"));
        if (static_cast<size_t>(group.sources_size()) > kMostSources)
            bad_image(cat("a multicast group with ", group.sources_size(), " senders"));
        for (const std::string &source : group.sources())
            if (source.size() != group.group().size())
                bad_image("a sender to a multicast group is of another family than the group");
    }
}

void join_groups(int fd, const img::inet_sk_entry &from)
{
    for (const img::cr_membership &group : from.cr_memberships()) {
        auto what = [&] { return cat("join the multicast group ", address_text(group.group())); };
        uint32_t interface = ::if_nametoindex(group.interface().c_str());
        if (!interface)
            refused(cat("there is no interface ", printable(group.interface()), " here, on which it had joined ",
                        address_text(group.group())),
                    "make it first");
        int level = level_of(group.group());
        group_req request{};
        request.gr_interface = interface;
        std::memcpy(&request.gr_group, group.group().data(), group.group().size());
        sys::check(sys::call(SYS_setsockopt, fd, level, MCAST_JOIN_GROUP, &request, sizeof request), what);
        if (group.exclude() && !group.sources_size())
            continue;
        Filter filter(interface, group.group(), static_cast<size_t>(group.sources_size()));
        filter.get().gf_fmode = group.exclude() ? MCAST_EXCLUDE : MCAST_INCLUDE;
        for (int i = 0; i < group.sources_size(); i++)
            std::memcpy(filter.source(static_cast<size_t>(i)), group.sources(i).data(), group.sources(i).size());
        sys::check(sys::call(SYS_setsockopt, fd, level, MCAST_MSFILTER, filter.data(), filter.size()), what);
    }
}

} // namespace cr::files
