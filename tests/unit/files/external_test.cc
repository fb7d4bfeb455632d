#include "libcr/files/external.h"
#include "libcr/files/path_map.h"

#include <catch2/catch.hpp>

using namespace cr::files;

TEST_CASE("keys of what the caller gives have one spelling")
{
    CHECK(external_key("/tmp/x") == "tmp/x");
    CHECK(external_key("tmp/x") == "tmp/x");
    CHECK(external_key("/memfd:name") == "memfd:name");
    CHECK(external_key("pipe[4711]") == "pipe:[4711]");
    CHECK(external_key("pipe:[4711]:") == "pipe:[4711]");
    CHECK(external_key("socket[5]:x") == "socket:[5]");
    CHECK(external_key("unix[5]:") == "unix[5]");
    CHECK(external_key("file[01A:2B]") == "file[1a:2b]");
    CHECK(external_key("tty[8803:18]:") == "tty[8803:18]");
}

TEST_CASE("what is no key is a name")
{
    for (const char *name : {"", "pipe", "pipe[x]", "file[1]", "file[1:]", "files[1:2]", "socket[-1]"})
        CHECK(external_key(name) == name);
}

TEST_CASE("names are mapped by the longest old one")
{
    PathMap map = {{"/a", "/x"}, {"/a/b/", "/y/"}, {"/c", "/"}};
    CHECK(mapped_name("/a", map) == "/x");
    CHECK(mapped_name("/a/f", map) == "/x/f");
    CHECK(mapped_name("/a/b", map) == "/y");
    CHECK(mapped_name("/a/b/f", map) == "/y/f");
    CHECK(mapped_name("/ab", map) == "/ab");
    CHECK(mapped_name("/c", map) == "/");
    CHECK(mapped_name("/c/d", map) == "/d");
    CHECK(mapped_name("/", map) == "/");
    CHECK(mapped_name("/f", {{"/", "/root"}}) == "/root/f");
    CHECK(mapped_name("/", {{"/", "/root"}}) == "/root");
    CHECK(mapped_name("relative", {{"/", "/root"}}) == "relative");
}

TEST_CASE("what has a file's name has the new one")
{
    const PathMap map = {{"/old", "/new"}};
    cr::img::file_entry entry;
    cr::img::fh_entry &watched = *entry.mutable_ify()->add_wd()->mutable_f_handle();
    watched.set_path("old/f"); // as CRIU writes it
    watched.set_bytes(8);
    cr::img::fh_entry &other = *entry.mutable_ify()->add_wd()->mutable_f_handle();
    other.set_path("/f");
    other.set_bytes(8);
    entry.mutable_ffy()->add_mark()->mutable_ie()->mutable_f_handle()->set_path("/old");
    entry.mutable_ffy()->add_mark()->mutable_me()->set_path("/old/mount");
    entry.mutable_bpf()->add_cr_pins("/old/pin");
    entry.mutable_usk()->set_name("socket");
    entry.mutable_usk()->set_name_dir("/old/dir");
    map_names(entry, map);
    CHECK(watched.path() == "/new/f");
    CHECK(watched.bytes() == 0);
    CHECK(other.path() == "/f");
    CHECK(other.bytes() == 8);
    CHECK(entry.ffy().mark(0).ie().f_handle().path() == "/new");
    CHECK(entry.ffy().mark(1).me().path() == "/new/mount");
    CHECK(entry.bpf().cr_pins(0) == "/new/pin");
    CHECK(entry.usk().name() == "socket");
    CHECK(entry.usk().name_dir() == "/new/dir");
}
