// What fdinfo tells of watches, from several kernels.
#include "libcr/base/error.h"
#include "libcr/files/kinds.h"
#include "libcr/files/watched.h"

#include <catch2/catch.hpp>

using namespace cr;

TEST_CASE("file handles of fdinfo", "[files]")
{
    img::fh_entry handle;
    files::parse_handle("wd:1 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1 "
                        "f_handle:7e9e0000640d1b6d",
                        handle);
    CHECK(handle.bytes() == 8);
    CHECK(handle.type() == 1);
    CHECK(handle.handle(0) == 0x6d1b0d6400009e7e);
    CHECK_NOTHROW(files::check_handle(handle));

    img::fh_entry none; // overlayfs without nfs_export
    files::parse_handle("wd:1 ino:9e7e sdev:1d mask:fce ignored_mask:0 ", none);
    CHECK(none.bytes() == 0);

    img::fh_entry bad;
    CHECK_THROWS_AS(files::parse_handle("fhandle-bytes:8 fhandle-type:1 f_handle:7e9e", bad), Error);
    CHECK_THROWS_AS(files::parse_handle("fhandle-bytes:2 fhandle-type:1 f_handle:7ezz", bad), Error);
    handle.set_bytes(200);
    CHECK_THROWS_AS(files::check_handle(handle), Error);
    handle.set_bytes(8);
    handle.set_path("");
    CHECK_THROWS_AS(files::check_handle(handle), Error);
}
