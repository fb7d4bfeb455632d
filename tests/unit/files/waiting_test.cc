// Connections that nobody has accepted yet, of sockets of this process.
#include "libcr/files/waiting.h"

#include "libcr/base/error.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace cr;

namespace
{

sockaddr_un g_name;
socklen_t g_size;

Fd server()
{
    g_name.sun_family = AF_UNIX;
    int n = std::snprintf(g_name.sun_path + 1, sizeof g_name.sun_path - 1, "cr-unit-waiting-%d", ::getpid());
    g_size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<size_t>(n));
    Fd out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(out.get(), reinterpret_cast<sockaddr *>(&g_name), g_size) == 0);
    REQUIRE(::listen(out.get(), 8) == 0);
    return out;
}

Fd client(const char *text)
{
    Fd out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(out.get(), reinterpret_cast<sockaddr *>(&g_name), g_size) == 0);
    REQUIRE(::write(out.get(), text, std::strlen(text)) == static_cast<ssize_t>(std::strlen(text)));
    return out;
}

uint32_t inode(const Fd &fd)
{
    struct stat st;
    REQUIRE(::fstat(fd.get(), &st) == 0);
    return static_cast<uint32_t>(st.st_ino);
}

} // namespace

TEST_CASE("clients that came since the kernel listed them are left out, and others than those are refused", "[files]")
{
    if (!sys::KernelMemory::make()) {
        WARN("the kernel's structures cannot be read here");
        return;
    }
    Fd listener = server();
    Fd first = client("one"), second = client("two");
    files::UnixSockets sockets;
    sys::UnixSocket listed = *sockets.find(inode(listener));
    REQUIRE(listed.waiting.size() == 2);
    Fd late = client("late");
    files::WaitingClients waiting;
    auto found = waiting.read(sockets, listed, listener.get());
    REQUIRE(found.size() == 2);
    CHECK(found[0].entry.client() == inode(first));
    CHECK(found[1].entry.client() == inode(second));
    REQUIRE(found[1].packets.size() == 1);
    CHECK(found[1].packets[0].bytes == "two");

    Fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)); // somebody else has it, too
    CHECK_THROWS_AS(waiting.read(sockets, listed, listener.get()), Error);
    Fd again(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    CHECK_THROWS_AS(waiting.read(sockets, listed, listener.get()), Error);
}
