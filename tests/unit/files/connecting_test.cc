// TCP connections that are only being made (SYN_SENT).
#include "unit/files/round_trip.h"

#include "libcr/files/blockers.h"
#include "libcr/files/inet_socket.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

using namespace cr;
using namespace cr::test;

namespace
{

// A server that hears of nobody.
Fd deaf_server(sockaddr_in &address)
{
    Fd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    sock_fprog filter{1, &nothing};
    socklen_t size = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::setsockopt(out.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0);
    REQUIRE(::bind(out.get(), reinterpret_cast<sockaddr *>(&address), size) == 0);
    REQUIRE(::listen(out.get(), 8) == 0);
    REQUIRE(::getsockname(out.get(), reinterpret_cast<sockaddr *>(&address), &size) == 0);
    return out;
}

} // namespace

TEST_CASE("a connection that is being made is locked, as it may be open the next moment", "[files]")
{
    sockaddr_in address{};
    Fd server = deaf_server(address);
    Child child = stopped_child([&] {
        int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (::connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0 || errno != EINPROGRESS)
            ::_exit(1);
    });
    files::DumpOptions options;
    options.tcp_established = true;
    files::BlockerSearch search(options);
    std::vector<Blocker> blockers;
    search.look(child.pid(), blockers);
    search.finish(blockers);
    CHECK(blockers.empty());
    REQUIRE(search.outer_connections().size() == 1);
    CHECK(files::address_text(search.outer_connections()[0].peer) == cat("127.0.0.1:", ntohs(address.sin_port)));
}

TEST_CASE("a connection that is being made to nobody that is known cannot be kept", "[files]")
{
    files::InetState state;
    state.type = SOCK_STREAM;
    state.protocol = IPPROTO_TCP;
    state.state = TCP_SYN_SENT;
    files::DumpOptions options;
    options.tcp_established = true;
    auto blocker = files::inet_blocker({}, state, options);
    REQUIRE(blocker);
    CHECK_THAT(blocker->reason, Catch::Contains("does not tell to whom"));
    sockaddr_in address{AF_INET, 1, {}, {}};
    state.peer.assign(reinterpret_cast<char *>(&address), sizeof address);
    CHECK_FALSE(files::inet_blocker({}, state, options));
}
