#include "libcr/files/locks.h"

#include <catch2/catch.hpp>

using cr::files::Locks;

TEST_CASE("inodes of locked files are found in /proc/locks")
{
    Locks locks = Locks::parse("1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF\n"
                               "2: FLOCK  ADVISORY  READ  700 00:1a:7 0 EOF\n"
                               "2: -> FLOCK  ADVISORY  WRITE 701 00:1a:8 0 EOF\n"
                               "3: OFDLCK ADVISORY  WRITE -1 08:01:99 128 255\n");
    auto held = [&](ino_t inode) {
        struct stat st {
        };
        st.st_ino = inode;
        return locks.may_hold(st);
    };
    for (ino_t inode : {2531452, 7, 8, 99})
        CHECK(held(inode));
    for (ino_t inode : {0, 1, 3568, 700, 255})
        CHECK_FALSE(held(inode));
    CHECK_FALSE(Locks::parse("").may_hold({}));
}
