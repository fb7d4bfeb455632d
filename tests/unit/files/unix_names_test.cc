#include "libcr/files/unix_names.h"

#include "libcr/base/error.h"
#include "unit/temp_dir.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace cr;
using namespace cr::test;

namespace
{

Fd socket_of(int type) { return Fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)); }

img::unix_sk_entry named(std::string name)
{
    img::unix_sk_entry out;
    out.set_name(std::move(name));
    return out;
}

img::unix_sk_entry at_path(const std::string &path) { return named(path + '\0'); }

files::UnixNames names()
{
    return files::UnixNames([](int fd) { return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); });
}

} // namespace

TEST_CASE("a name is one that the kernel can have", "[files]")
{
    const std::string full(108, 'x');
    CHECK(files::is_name(""));
    CHECK(files::is_name(std::string("path\0", 5)));
    CHECK(files::is_name("path"));
    CHECK(files::is_name(std::string("\0ab\0cd\0", 7))); // abstract: zeros are like others
    CHECK(files::is_name(full));
    CHECK(files::is_name(full + '\0'));
    CHECK_FALSE(files::is_name(full + 'x'));
    CHECK_FALSE(files::is_name(full + std::string(2, '\0')));
    CHECK_FALSE(files::is_name('\0' + full));
    CHECK_FALSE(files::is_name(std::string("pa\0th\0", 6)));
    CHECK(files::address_of(named(full + '\0')).size() == sizeof(sockaddr_un));
    CHECK(files::address_of(at_path("path")).size() == offsetof(sockaddr_un, sun_path) + 5);
}

TEST_CASE("what is left of a socket makes room, one that somebody has in another network does not", "[files]")
{
    TempDir dir;
    const img::unix_sk_entry name = at_path(dir.file("socket"));
    for (int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
        Fd other;
        std::thread([&] {
            if (::unshare(CLONE_NEWNET) < 0)
                return;
            other = socket_of(type);
            files::bind_here(other.get(), name);
        }).join();
        if (!other) {
            WARN("no network namespaces here");
            return;
        }
        files::UnixNames ours = names();
        Fd fd = socket_of(SOCK_STREAM);
        CHECK_THROWS_AS(ours.bind(fd.get(), name), Error);
        CHECK(::access(dir.file("socket").c_str(), F_OK) == 0);
        other.reset();
        ours.bind(fd.get(), name);
        sockaddr_un is{};
        socklen_t size = sizeof is;
        REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr *>(&is), &size) == 0);
        CHECK(dir.file("socket") == is.sun_path);
        ::unlink(is.sun_path);
    }
}

TEST_CASE("an abstract name that somebody has is told", "[files]")
{
    img::unix_sk_entry name = named('\0' + ("cr-unit-name-" + std::to_string(::getpid())));
    files::UnixNames ours = names();
    Fd first = socket_of(SOCK_STREAM), second = socket_of(SOCK_STREAM);
    CHECK(ours.bind_apart(first.get(), name));
    CHECK_FALSE(ours.bind_apart(second.get(), name));
}
