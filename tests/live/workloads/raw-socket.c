// without: files.isk.ip_opts
// Raw sockets: of a protocol, with headers of their own, filters of ICMP, bound and connected; one that pings.
#include "workload.h"
#include <arpa/inet.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <sys/socket.h>

int main(void)
{
    enum { kProtocol = 253 }; // for experiments
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, got;
    socklen_t size = sizeof got;
    int raw = socket(AF_INET, SOCK_RAW, kProtocol), icmp = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    int six = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), headers = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    int ping = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), value = 0, off = 0;
    if (raw < 0 || icmp < 0 || headers < 0)
        skip("no raw sockets: %s\n", strerror(errno));
    struct icmp_filter none = {~0u};
    struct icmp6_filter none6;
    ICMP6_FILTER_SETBLOCKALL(&none6);
    check(setsockopt(icmp, SOL_RAW, ICMP_FILTER, &none, sizeof none) == 0, "ICMP_FILTER");
    check(six < 0 || setsockopt(six, IPPROTO_ICMPV6, ICMP6_FILTER, &none6, sizeof none6) == 0, "ICMP6_FILTER");
    here.sin_port = htons(7); // without one the kernel does not tell the peer
    check(bind(raw, (struct sockaddr *)&here, sizeof here) == 0 && connect(raw, (struct sockaddr *)&here, sizeof here) == 0,
          "bind and connect");
    check(setsockopt(headers, IPPROTO_IP, IP_HDRINCL, &off, sizeof off) == 0, "IP_HDRINCL");
    int hops = 5;
    check(setsockopt(raw, IPPROTO_IP, IP_TTL, &hops, sizeof hops) == 0, "IP_TTL");
    ready();
    wait_for_go();
    check(getsockname(raw, (struct sockaddr *)&got, &size) == 0 && got.sin_addr.s_addr == here.sin_addr.s_addr, "its address");
    size = sizeof got;
    check(getpeername(raw, (struct sockaddr *)&got, &size) == 0 && got.sin_addr.s_addr == here.sin_addr.s_addr, "its peer");
    size = sizeof value;
    check(getsockopt(raw, SOL_SOCKET, SO_PROTOCOL, &value, &size) == 0, "SO_PROTOCOL");
    check_equal(value, kProtocol, "the protocol");
    struct icmp_filter now = {0};
    size = sizeof now;
    check(getsockopt(icmp, SOL_RAW, ICMP_FILTER, &now, &size) == 0, "ICMP_FILTER");
    check_equal(now.data, none.data, "ICMP_FILTER");
    struct icmp6_filter now6 = {0};
    size = sizeof now6;
    check(six < 0 || getsockopt(six, IPPROTO_ICMPV6, ICMP6_FILTER, &now6, &size) == 0, "ICMP6_FILTER");
    check(six < 0 || memcmp(&now6, &none6, sizeof none6) == 0, "ICMP6_FILTER");
    size = sizeof value;
    check(getsockopt(headers, IPPROTO_IP, IP_HDRINCL, &value, &size) == 0, "IP_HDRINCL");
    check_equal(value, 0, "IP_HDRINCL");
    char packet[128];
    check(send(raw, "hello", 5, 0) == 5, "send");
    check_equal(recv(raw, packet, sizeof packet, 0), sizeof(struct iphdr) + 5, "a packet over loopback");
    check_equal(((struct iphdr *)packet)->ttl, 5, "IP_TTL");
    if (ping >= 0) {
        struct icmphdr echo = {.type = ICMP_ECHO};
        check(sendto(ping, &echo, sizeof echo, 0, (struct sockaddr *)&here, sizeof here) == sizeof echo, "ping");
        check_equal(recv(ping, packet, sizeof packet, 0), sizeof echo, "the answer");
    }
    pass();
}
