#include "libcr/mm/copy.h"
#include "libcr/mm/scan.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace cr;
using namespace cr::mm;

namespace
{

Range range(uint64_t start, uint64_t end) { return {TargetAddr(start), TargetAddr(end)}; }
TargetAddr address(void *p) { return TargetAddr(reinterpret_cast<uint64_t>(p)); }

// Kernels of some virtual machines give a page of its own to whoever only reads: then two that are read are
// not the same one.
bool has_zero_page()
{
    auto *at = static_cast<char *>(
        ::mmap(nullptr, 2 * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(at != MAP_FAILED);
    ::madvise(at, 2 * kPageSize, MADV_NOHUGEPAGE);
    volatile char sum = at[0];
    sum = at[kPageSize];
    (void)sum;
    Fd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    uint64_t entries[2];
    REQUIRE(::pread(pagemap.get(), entries, sizeof entries,
                    static_cast<off_t>(address(at).value / kPageSize * 8)) == sizeof entries);
    ::munmap(at, 2 * kPageSize);
    return entries[0] == entries[1]; // to those who may not see page numbers, all are
}

} // namespace

TEST_CASE("the parts of ranges that lie in areas")
{
    std::vector<Range> areas{range(10, 20), range(20, 30), range(40, 50)};
    CHECK(intersect({range(0, 60)}, areas) == areas);
    CHECK(intersect({range(5, 12), range(15, 22), range(29, 41)}, areas) ==
          std::vector{range(10, 12), range(15, 20), range(20, 22), range(29, 30), range(40, 41)});
    CHECK(intersect({range(30, 40)}, areas).empty());
    CHECK(intersect({}, areas).empty());
}

TEST_CASE("pages that were written are found, read and untouched ones are not")
{
    constexpr size_t kPages = 64;
    auto *at = static_cast<char *>(
        ::mmap(nullptr, kPages * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(at != MAP_FAILED);
    ::madvise(at, kPages * kPageSize, MADV_NOHUGEPAGE);
    at[3 * kPageSize] = at[4 * kPageSize] = at[40 * kPageSize] = 1;
    volatile char read_only = at[20 * kPageSize];
    (void)read_only;
    TargetAddr start = address(at);
    Scan scan = scan_pages(proc::PidDir(getpid()), {start, start + kPages * kPageSize},
                           {{{start, start + kPages * kPageSize}, false}});
    if (!has_zero_page()) {
        WARN("this kernel has no zero page: a page that was read is one like others");
        REQUIRE(scan.pages.size() == 3);
        CHECK(scan.pages[1].start == start + 20 * kPageSize);
        scan.pages.erase(scan.pages.begin() + 1);
    }
    CHECK(scan.pages == std::vector<Range>{{start + 3 * kPageSize, start + 5 * kPageSize},
                                           {start + 40 * kPageSize, start + 41 * kPageSize}});
    CHECK(scan.scanned == kPages);
    CHECK(scan.guards.empty());
    // Entry by entry the same, but for the zero page, which is dropped by its contents then.
    Scan entries = scan_entries(proc::PidDir(getpid()), {{{start, start + kPages * kPageSize}, false}});
    REQUIRE(entries.pages.size() == 3);
    CHECK(entries.pages[1].start == start + 20 * kPageSize);
    entries.pages.erase(entries.pages.begin() + 1);
    CHECK(entries.pages == scan.pages);
    ::munmap(at, kPages * kPageSize);
}

TEST_CASE("of a private file mapping only pages of its own are found")
{
    char name[] = "/tmp/cr-scan-XXXXXX";
    int fd = ::mkstemp(name);
    REQUIRE(fd >= 0);
    ::unlink(name);
    REQUIRE(::ftruncate(fd, 8 * kPageSize) == 0);
    auto *at =
        static_cast<char *>(::mmap(nullptr, 8 * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    ::close(fd);
    REQUIRE(at != MAP_FAILED);
    volatile char sum = 0;
    for (int i = 0; i < 8; i++)
        sum = static_cast<char>(sum + at[i * kPageSize]);
    at[5 * kPageSize] = 1;
    TargetAddr start = address(at);
    Scan scan = scan_pages(proc::PidDir(getpid()), {start, start + 8 * kPageSize},
                           {{{start, start + 8 * kPageSize}, true}});
    CHECK(scan.pages == std::vector<Range>{{start + 5 * kPageSize, start + 6 * kPageSize}});
    CHECK(scan_entries(proc::PidDir(getpid()), {{{start, start + 8 * kPageSize}, true}}).pages == scan.pages);
    ::munmap(at, 8 * kPageSize);
}

TEST_CASE("pages of zeros are dropped, the rest moves up")
{
    PageBuffer buffer(6 * kPageSize);
    buffer.used = 6 * kPageSize;
    std::memset(buffer.data(), 0, buffer.used);
    buffer.data()[1 * kPageSize + 4095] = 1;
    buffer.data()[2 * kPageSize] = 2;
    buffer.data()[5 * kPageSize + 8] = 5;
    std::vector<Range> ranges{range(0x10000, 0x12000), range(0x20000, 0x22000), range(0x30000, 0x32000)};
    CHECK(drop_zero_pages(ranges, buffer) ==
          std::vector<Range>{range(0x11000, 0x12000), range(0x20000, 0x21000), range(0x31000, 0x32000)});
    CHECK(buffer.used == 3 * kPageSize);
    CHECK(buffer.data()[4095] == 1);
    CHECK(buffer.data()[kPageSize] == 2);
    CHECK(buffer.data()[2 * kPageSize + 8] == 5);
}

TEST_CASE("pages of zeros stay where a file would show through")
{
    PageBuffer buffer(4 * kPageSize);
    buffer.used = 4 * kPageSize;
    std::memset(buffer.data(), 0, buffer.used);
    buffer.data()[3 * kPageSize] = 3;
    std::vector<Range> ranges{range(0x10000, 0x12000), range(0x20000, 0x22000)},
        of_files{range(0x8000, 0x9000), range(0x11000, 0x21000)};
    CHECK(drop_zero_pages(ranges, buffer, of_files) ==
          std::vector<Range>{range(0x11000, 0x12000), range(0x20000, 0x22000)});
    CHECK(buffer.data()[2 * kPageSize] == 3);
}
