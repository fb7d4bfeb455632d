#include "libcr/files/carried.h"

#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/socket_options.h"
#include "libcr/sys/descriptor.h"

#include <algorithm>
#include <sys/socket.h>
#include <unistd.h>

namespace cr::files
{

namespace
{

// How many descriptors it carries; nothing when the kernel does not tell.
std::optional<size_t> count_of(int fd, const TaskFiles &ours)
{
    if (!has_something(fd) || socket_option(fd, SO_ACCEPTCONN))
        return 0;
    Facts facts;
    facts.fd = fd;
    ours.load_info(facts);
    return parse_int<size_t>(facts.info.field("scm_fds").value_or(""));
}

} // namespace

void Carried::look(const Facts &socket, int fd)
{
    size_t next = found_.size();
    ask(socket, fd);
    for (; next < found_.size(); next++)
        if (Facts carried = found_[next]; carried.socket_domain == AF_UNIX)
            ask(carried, carried.fd);
}

void Carried::ask(const Facts &socket, int fd)
{
    uint32_t inode = static_cast<uint32_t>(socket.st.st_ino);
    auto what = [&] { return socket.subject(); };
    Subject subject(what);
    if (!ours_)
        ours_.emplace(::getpid());
    if (!asked_.insert(inode).second)
        return;
    std::optional<size_t> count = count_of(fd, *ours_);
    if (count == 0u)
        return;
    sys::raise_descriptor_limit();
    std::vector<Packet> &packets = queues_[inode] = read_queue(fd, socket_option(fd, SO_TYPE), undo_);
    for (const Packet &packet : packets)
        for (const Fd &carried : packet.carried) {
            found_.push_back(*ours_->all_facts(carried.get()));
            found_.back().carrier = socket.subject();
        }
    size_t seen = 0;
    for (const Packet &packet : packets)
        seen += packet.carried.size();
    auto is_empty = [](const Packet &p) { return p.bytes.empty(); };
    if (seen < count.value_or(0) || (seen && std::any_of(packets.begin(), packets.end(), is_empty)))
        blockers_.push_back({socket.subject(),
                             "descriptors are on their way in it (SCM_RIGHTS) beside or in empty packets, which "
                             "the kernel shows only once",
                             "try again when they were received"});
}

const std::vector<Packet> *Carried::packets(uint32_t inode) const
{
    auto found = queues_.find(inode);
    return found == queues_.end() ? nullptr : &found->second;
}

} // namespace cr::files
