#include "unit/files/round_trip.h"

#include "libcr/image/reader.h"
#include "libcr/image/writer.h"
#include "libcr/proc/pid_dir.h"
#include "libcr/sys/packet_diag.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

using namespace cr;
using namespace cr::test;

namespace
{

void join_on_loopback()
{
    int fd = ::socket(AF_PACKET, SOCK_RAW, 0);
    packet_mreq request{};
    request.mr_ifindex = static_cast<int>(::if_nametoindex("lo"));
    request.mr_type = PACKET_MR_ALLMULTI;
    if (fd != 0 || ::setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) != 0)
        ::_exit(1);
}

} // namespace

TEST_CASE("a packet socket joins by the name of the interface, which has another number here", "[files]")
{
    TempDir dir;
    auto images = image::Dir::open(dir.path());
    Child child = stopped_child(join_on_loopback);
    dump(child, images);
    std::vector<img::file_entry> entries;
    {
        image::RecordReader reader(images, image::Kind::Files);
        for (img::file_entry entry; reader.next(entry);)
            entries.push_back(entry);
    }
    image::Writer writer(images, image::Kind::Files);
    int memberships = 0;
    for (img::file_entry &entry : entries) {
        if (entry.has_psk())
            for (img::packet_mclist &one : *entry.mutable_psk()->mutable_mclist()) {
                CHECK(one.cr_interface() == "lo");
                one.set_index(one.index() + 7000);
                memberships++;
            }
        writer.put(entry);
    }
    writer.finish();
    REQUIRE(memberships == 1);
    files::Plan plan(images, {{child.pid(), 1}}, {});
    Child opener = run_opener(plan);
    int number = plan.number(*plan.find(img::PACKETSK, plan.table(child.pid()).front().id()));
    std::string link = proc::PidDir(opener.pid()).link(cat("fd/", number).c_str());
    for (const sys::PacketSocket &socket : sys::packet_sockets())
        if (link == cat("socket:[", socket.inode, "]")) {
            REQUIRE(socket.memberships.size() == 1);
            CHECK(socket.memberships[0].interface == ::if_nametoindex("lo"));
            return;
        }
    FAIL("no packet socket was made");
}
