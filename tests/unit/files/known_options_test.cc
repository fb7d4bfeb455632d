#include "libcr/files/known_options.h"

#include "libcr/base/fd.h"
#include "libcr/files/inet_socket.h"
#include "libcr/files/socket_options.h"
#include "libcr/sys/file_objects.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

using namespace cr;

namespace
{

// As a dump has it, which options are enough for here.
files::Facts facts_of(int fd)
{
    static const std::optional<sys::FileObjects> objects = sys::FileObjects::make();
    files::Facts out;
    auto all = objects ? objects->of(::getpid()) : std::nullopt;
    if (all)
        for (const sys::FileObject &object : *all)
            if (object.fd == static_cast<uint32_t>(fd))
                out.object = object.number;
    return out;
}

// All that a dump saves of its options but the sizes of its buffers.
std::string options_of(int fd, const files::SocketSort &sort, files::OptionDefaults &defaults)
{
    img::inet_sk_entry out;
    files::capture_options(fd, *out.mutable_opts());
    if (sort.family == AF_UNIX)
        files::capture_further_options(fd, sort, defaults, *out.mutable_opts());
    else
        files::capture_inet_options(fd, sort.family, files::inet_state(fd), defaults, out);
    return out.SerializePartialAsString();
}

template <class T> std::string bytes(std::initializer_list<T> values)
{
    return {reinterpret_cast<const char *>(values.begin()), values.size() * sizeof(T)};
}

} // namespace

// Tries every option there is, whether we know it or not: what changes what is saved has to change the key.
TEST_CASE("sockets of one key have the same options")
{
    const std::string values[] = {
        bytes<int>({1}),     bytes<int>({0}),          bytes<int>({3}),   bytes<int>({0x9000 << 16 | 0x8000}),
        bytes<int>({1, 1}), bytes<int64_t>({1, 5000}), std::string("lo\0", 3), std::string("reno"),
    };
    for (files::SocketSort sort : {files::SocketSort{AF_UNIX, SOCK_STREAM, 0}, {AF_UNIX, SOCK_DGRAM, 0},
                                   {AF_INET, SOCK_STREAM, IPPROTO_TCP}}) {
        files::KnownOptions known;
        files::OptionDefaults defaults;
        auto fresh = [&] { return Fd(::socket(sort.family, sort.type | SOCK_CLOEXEC, 0)); };
        Fd one = fresh(), other = fresh();
        std::string key = known.key(facts_of(one.get()), sort);
        if (key.empty()) {
            WARN("this kernel does not tell of family " << sort.family);
            continue;
        }
        CHECK(key == known.key(facts_of(other.get()), sort));
        std::string usual = options_of(one.get(), sort, defaults);
        int changes = 0;
        for (int level : {SOL_SOCKET, int{IPPROTO_IP}, int{IPPROTO_TCP}})
            for (int name = 1; name < 100; name++)
                for (const std::string &value : values) {
                    if (sort.family == AF_UNIX && level != SOL_SOCKET)
                        continue;
                    Fd changed = fresh();
                    if (::setsockopt(changed.get(), level, name, value.data(), static_cast<socklen_t>(value.size())) ||
                        options_of(changed.get(), sort, defaults) == usual)
                        continue;
                    changes++;
                    INFO("family " << sort.family << ", option " << name << " of level " << level);
                    CHECK(known.key(facts_of(changed.get()), sort) != key);
                }
        CHECK(changes > 20);
    }
}

TEST_CASE("what is known of the options of a socket is not asked again")
{
    files::SocketSort sort{AF_UNIX, SOCK_STREAM, 0};
    Fd one(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), other(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    files::KnownOptions known;
    int asked = 0;
    auto of = [&](int fd) {
        return known.of<img::sk_opts_entry>(facts_of(fd), sort, [&](img::sk_opts_entry &to) {
            asked++;
            files::capture_options(fd, to);
        });
    };
    std::string first = of(one.get()).SerializePartialAsString();
    CHECK(of(other.get()).SerializePartialAsString() == first);
    CHECK(asked == (known.key(facts_of(one.get()), sort).empty() ? 2 : 1));
    int on = 1;
    ::setsockopt(other.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    CHECK(of(other.get()).so_passcred());
}
