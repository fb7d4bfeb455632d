#include "libcr/files/ip_packet.h"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <cstring>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

using namespace cr;

namespace
{

std::string v4(const char *text, uint16_t port)
{
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    ::inet_pton(AF_INET, text, &out.sin_addr);
    return {reinterpret_cast<char *>(&out), sizeof out};
}

std::string v6(const char *text, uint16_t port)
{
    sockaddr_in6 out{};
    out.sin6_family = AF_INET6;
    out.sin6_port = htons(port);
    ::inet_pton(AF_INET6, text, &out.sin6_addr);
    return {reinterpret_cast<char *>(&out), sizeof out};
}

// The sum over words in network order, as whoever receives a packet makes it; 0xffff: right.
uint16_t sum_of(const std::string &bytes)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i++)
        sum += static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << (i % 2 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(sum);
}

std::string word(uint32_t value)
{
    value = htonl(value);
    return {reinterpret_cast<char *>(&value), sizeof value};
}

} // namespace

TEST_CASE("a packet of IPv4 has both checksums right, for an even and an odd number of bytes")
{
    for (const char *text : {"", "x", "ab", "hello"}) {
        files::IpPacket packet{IPPROTO_UDP, v4("8.8.4.4", 53), v4("127.0.0.1", 4711), text, 9, 4, {}};
        std::string bytes = files::as_it_travels(packet);
        REQUIRE(bytes.size() == 28 + std::strlen(text));
        iphdr header;
        std::memcpy(&header, bytes.data(), sizeof header);
        CHECK(header.ttl == 9);
        CHECK(header.tos == 4);
        CHECK(ntohs(header.tot_len) == bytes.size());
        CHECK(sum_of(bytes.substr(0, 20)) == 0xffff);
        std::string body = bytes.substr(20);
        CHECK(sum_of(bytes.substr(12, 8) + word(IPPROTO_UDP) + word(static_cast<uint32_t>(body.size())) + body) ==
              0xffff);
        udphdr udp;
        std::memcpy(&udp, body.data(), sizeof udp);
        CHECK(ntohs(udp.source) == 53);
        CHECK(ntohs(udp.dest) == 4711);
        CHECK(ntohs(udp.len) == body.size());
    }
}

TEST_CASE("a packet of IPv6 has its checksum right")
{
    files::IpPacket packet{IPPROTO_UDPLITE, v6("2001:db8::7", 53), v6("::1", 4711), "odd", -1, -1, {}};
    std::string bytes = files::as_it_travels(packet);
    REQUIRE(bytes.size() == 40 + 8 + 3);
    std::string body = bytes.substr(40);
    CHECK(static_cast<uint8_t>(bytes[0]) == 0x60);
    CHECK(static_cast<uint8_t>(bytes[7]) == 64); // hops
    CHECK(sum_of(bytes.substr(8, 32) + word(IPPROTO_UDPLITE) + word(static_cast<uint32_t>(body.size())) + body) ==
          0xffff);
    CHECK(body.substr(4, 2) == std::string(2, '\0')); // UDP-Lite: all of it is covered
}

TEST_CASE("a segment of TCP has its ports and its checksum right")
{
    tcphdr header{};
    header.seq = htonl(4711);
    header.doff = sizeof header / 4;
    header.fin = 1;
    files::IpPacket packet;
    packet.protocol = IPPROTO_TCP;
    packet.tcp.assign(reinterpret_cast<char *>(&header), sizeof header);
    for (bool six : {false, true}) {
        packet.source = six ? v6("2001:db8::7", 80) : v4("8.8.4.4", 80);
        packet.destination = six ? v6("::1", 4711) : v4("127.0.0.1", 4711);
        std::string bytes = files::as_it_travels(packet);
        size_t before = six ? 40 : 20;
        REQUIRE(bytes.size() == before + sizeof header);
        std::string body = bytes.substr(before);
        CHECK(sum_of(bytes.substr(six ? 8 : 12, six ? 32 : 8) + word(IPPROTO_TCP) + word(sizeof header) + body) == 0xffff);
        std::memcpy(&header, body.data(), sizeof header);
        CHECK(ntohs(header.source) == 80);
        CHECK(ntohs(header.dest) == 4711);
        CHECK(ntohl(header.seq) == 4711);
    }
}

TEST_CASE("an address of IPv4 within IPv6 is told as what it is")
{
    CHECK(files::unmapped(v6("::ffff:1.2.3.4", 7)) == v4("1.2.3.4", 7));
    CHECK(files::unmapped(v6("2001:db8::7", 7)) == v6("2001:db8::7", 7));
    CHECK(files::unmapped(v4("1.2.3.4", 7)) == v4("1.2.3.4", 7));
    CHECK(files::unmapped("").empty());
}
