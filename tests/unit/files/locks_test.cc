#include "libcr/files/locks.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

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

TEST_CASE("locks of fdinfo")
{
    auto posix = cr::files::parse_lock("1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 10 14", O_RDWR);
    CHECK(posix.flag() == 1);
    CHECK(posix.type() == F_WRLCK);
    CHECK(posix.pid() == 3568);
    CHECK(posix.start() == 10);
    CHECK(posix.len() == 5);
    CHECK_NOTHROW(cr::files::check_lock(posix));
    CHECK(cr::files::parse_lock("1: FLOCK  ADVISORY  READ  700 00:1a:7 0 EOF", O_RDWR).len() == 0);
    CHECK(cr::files::parse_lock("3: OFDLCK ADVISORY  WRITE -1 08:01:99 128 255", O_RDWR).pid() == -1);
    // A lease in breaking is told as what it becomes.
    CHECK(cr::files::parse_lock("2: LEASE  BREAKING  READ  700 00:1a:7 0 EOF", O_RDWR).type() == F_WRLCK);
    CHECK(cr::files::parse_lock("2: LEASE  BREAKING  UNLCK 700 00:1a:7 0 EOF", O_RDONLY).type() == F_RDLCK);
    CHECK_THROWS(cr::files::parse_lock("1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 x EOF", O_RDWR));
    CHECK_THROWS(cr::files::parse_lock("1: DELEG  ACTIVE    READ 3568 fd:00:2531452 0 EOF", O_RDWR));
    posix.set_len(INT64_MAX);
    CHECK_THROWS(cr::files::check_lock(posix));
}
