#include "libcr/files/inet_socket.h"
#include "libcr/files/multicast.h"

#include <catch2/catch.hpp>
#include <netinet/in.h>

using namespace cr;

TEST_CASE("groups of /proc/net/igmp and igmp6 are read with their interfaces")
{
    auto groups = files::MulticastGroups::parse("Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
                                                "1\tlo        :     2      V3\n"
                                                "\t\t\t\t030201EF     1 0:00000000\t\t0\n"
                                                "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
                                                "12\teth0      :     1      V3\n"
                                                "\t\t\t\t010000E0     1 0:00000000\t\t0\n",
                                                "1    lo              ff150000000000000000000000000042     1 0000000C 0\n"
                                                "12   eth0            ff020000000000000000000000000001     1 0000000C 0\n"
                                                "rubbish\n");
    const auto &all = groups.all();
    REQUIRE(all.size() == 5);
    CHECK((all[0].level == IPPROTO_IP && all[0].interface == 1));
    CHECK(files::address_text(all[0].address) == "239.1.2.3:0");
    CHECK(files::address_text(all[1].address) == "224.0.0.1:0");
    CHECK(all[2].interface == 12);
    CHECK((all[3].level == IPPROTO_IPV6 && all[3].interface == 1));
    CHECK(files::address_text(all[3].address) == "[ff15::42]:0");
    CHECK(all[4].interface == 12);
}

TEST_CASE("there may be no groups at all") { CHECK(files::MulticastGroups::parse("", "").all().empty()); }
