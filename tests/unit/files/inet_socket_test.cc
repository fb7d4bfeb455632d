#include "libcr/files/inet_socket.h"

#include "libcr/base/fd.h"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <cstring>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace cr;

namespace
{

// A network of its own for the work of a thread, with an interface behind which nobody answers. False: there
// is none to be had here.
bool in_an_unanswering_network(void (*work)())
{
    bool had = false;
    std::thread([&] {
        Fd tap(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
        if (!tap || ::unshare(CLONE_NEWNET) < 0)
            return;
        tap = Fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC)); // it belongs to the network it was opened in
        Fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ifreq request{};
        std::strcpy(request.ifr_name, "silent");
        request.ifr_flags = IFF_TAP | IFF_NO_PI;
        if (::ioctl(tap.get(), TUNSETIFF, &request) < 0)
            return;
        sockaddr_in address{};
        address.sin_family = AF_INET;
        ::inet_pton(AF_INET, "10.9.8.1", &address.sin_addr);
        std::memcpy(&request.ifr_addr, &address, sizeof address);
        if (::ioctl(any.get(), SIOCSIFADDR, &request) < 0)
            return;
        request.ifr_flags = IFF_UP;
        had = ::ioctl(any.get(), SIOCSIFFLAGS, &request) == 0;
        std::strcpy(request.ifr_name, "lo");
        had = had && ::ioctl(any.get(), SIOCSIFFLAGS, &request) == 0;
        if (had)
            work();
    }).join();
    return had;
}

sockaddr_in at(const char *host, in_port_t port)
{
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    ::inet_pton(AF_INET, host, &out.sin_addr);
    return out;
}

ssize_t send_to(int fd, const char *text, const sockaddr_in &address, int flags = 0)
{
    return ::sendto(fd, text, std::strlen(text), flags, reinterpret_cast<const sockaddr *>(&address),
                    sizeof address);
}

void ask_while_a_datagram_waits_for_its_neighbour()
{
    Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    REQUIRE(send_to(socket.get(), "whole", at("10.9.8.7", 9)) == 5);
    int waiting = 0;
    REQUIRE(::ioctl(socket.get(), SIOCOUTQ, &waiting) == 0);
    REQUIRE(waiting > 0);
    CHECK_FALSE(files::inet_state(socket.get()).held_back);
}

// Asked or not, it is sent as it was meant.
void ask_while_a_datagram_is_put_together(int family)
{
    Fd to(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
        socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = at("127.0.0.1", 7777);
    REQUIRE(::bind(to.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
    sockaddr_in6 mapped{};
    mapped.sin6_family = AF_INET6;
    mapped.sin6_port = address.sin_port;
    ::inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
    if (family == AF_INET6)
        REQUIRE(::connect(socket.get(), reinterpret_cast<sockaddr *>(&mapped), sizeof mapped) == 0);
    else
        REQUIRE(::connect(socket.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
    CHECK_FALSE(files::inet_state(socket.get()).held_back);
    REQUIRE(::send(socket.get(), "one ", 4, MSG_MORE) == 4);
    CHECK(files::inet_state(socket.get()).held_back);
    CHECK(files::inet_state(socket.get()).held_back);
    REQUIRE(::send(socket.get(), "two", 3, 0) == 3);
    CHECK_FALSE(files::inet_state(socket.get()).held_back);
    char text[16] = {};
    REQUIRE(::recv(to.get(), text, sizeof text, MSG_DONTWAIT) == 7);
    CHECK(std::strcmp(text, "one two") == 0);
}

} // namespace

TEST_CASE("a datagram that waits for its device is whole, one that is put together is held back", "[files]")
{
    bool had = in_an_unanswering_network([] {
        ask_while_a_datagram_waits_for_its_neighbour();
        ask_while_a_datagram_is_put_together(AF_INET);
        ask_while_a_datagram_is_put_together(AF_INET6);
    });
    if (!had)
        WARN("no network namespace or no TAP device here");
}
