#include "libcr/mm/classify.h"
#include "libcr/mm/vma.h"

#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <unistd.h>

using namespace cr;
using namespace cr::mm;
using proc::Area;

namespace
{

Area area(const std::string &mode, const std::string &path, const std::string &flags = "", uint32_t major = 0)
{
    Area out = *proc::parse_area("7f0000000000-7f0000010000 " + mode + " 00000000 " +
                                 (major ? "fe:01 77 " : "00:01 5 ") + path);
    out.flags = proc::parse_vm_flags(flags);
    return out;
}

uint32_t status(const Area &a)
{
    auto out = classify(a, true);
    return out.refusal ? 0 : out.status;
}

std::string refusal(const Area &a, std::optional<FileFacts> file = {})
{
    auto out = classify(a, true, file);
    return out.refusal ? out.refusal : "";
}

bool contains(const std::string &text, const std::string &part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("areas that are dumped have CRIU's status")
{
    CHECK(status(area("rw-p", "")) == 0x201);
    CHECK(status(area("rw-p", "[heap]")) == 0x221);
    CHECK(status(area("rw-p", "[stack]", "rd wr gd")) == 0x203);
    CHECK(status(area("rw-p", "", "rd wr gd")) == 0x203);
    CHECK(status(area("rw-p", "[anon:name]")) == 0x201);
    CHECK(status(area("r-xp", "[vdso]", "rd ex de")) == 0x209);
    CHECK(status(area("r--p", "[vvar]", "rd pf io de dd")) == 0x1201);
    CHECK(status(area("r--p", "[vvar_vclock]", "rd pf io de dd")) == 0x1201);
    CHECK(status(area("--xp", "[vsyscall]", "ex")) == 0x204);
    CHECK(status(area("rw-s", "/dev/zero (deleted)", "sh")) == 0x101);
    CHECK(status(area("rw-s", "[anon_shmem:name]", "sh")) == 0x101);
    CHECK(status(area("r-xp", "/lib/libc.so.6", "", 0xfe)) == 0x41);
    CHECK(status(area("rw-s", "/dev/shm/file", "", 0xfe)) == 0x81);
    CHECK(status(area("rw-s", "/[aio] (deleted)", "rd wr sh de")) == 0x2001);
    CHECK(status(area("rw-s", "socket:[123]", "rd wr sh mm")) == 0x801);
}

TEST_CASE("areas in the way of a dump are named")
{
    CHECK(contains(refusal(area("rw-s", "/secretmem (deleted)")), "secret"));
    CHECK(contains(refusal(area("rw-p", "/dev/hugepages/x", "ht", 0xfe)), "hugetlbfs"));
    CHECK(contains(refusal(area("rw-s", "anon_inode:[io_uring]")), "kernel object"));
    CHECK(refusal(area("rw-s", "socket:[123]")).empty());
    CHECK(contains(refusal(area("rw-p", "socket:[123]")), "ring of a socket"));
    CHECK(contains(refusal(area("rw-s", "/dev/mem", "pf io", 0xfe)), "device"));
    CHECK(contains(refusal(area("--xp", "[uprobes]")), "probes"));
    CHECK(contains(refusal(area("r--p", "/dev/shm/x", "", 0xfe), FileFacts{false, false}), "no regular"));
    CHECK(contains(refusal(area("rw-p", "", "rd wr um")), "userfaultfd"));
    CHECK(contains(refusal(area("rw-p", "", "rd wr ss")), "shadow stack"));
    CHECK(contains(refusal(area("rw-p", "", "rd wr zz")), "does not know"));
}

TEST_CASE("huge pages without a file are anonymous memory")
{
    CHECK(status(area("rw-p", "/anon_hugepage (deleted)", "ht")) == 0x201);
    CHECK(status(area("rw-s", "/anon_hugepage (deleted)", "sh ht")) == 0x101);
}

TEST_CASE("a private mapping of /dev/zero is no device")
{
    CHECK(status(area("rw-p", "/dev/zero", "", 0xfe)) == 0x41);
    CHECK(contains(refusal(area("rw-s", "/dev/mem", "", 0xfe)), "device"));
}

TEST_CASE("a System V segment is shared memory of its own kind")
{
    CHECK(status(area("rw-s", "/SYSV00000000 (deleted)", "sh", 0)) == 0x501);
}

TEST_CASE("a memfd is mapped like a file")
{
    CHECK(status(area("rw-s", "/memfd:x (deleted)", "sh", 1)) == 0x4081);
    CHECK(status(area("rw-p", "/memfd:x (deleted)", "", 1)) == 0x4041);
    CHECK(status(area("rw-s", "/memfd:x (deleted)", "sh ht", 1)) == 0x4081);
    CHECK(contains(refusal(area("rw-p", "/memfd:x (deleted)", "ht", 1)), "hugetlb"));
}

TEST_CASE("a file that only looks deleted is not")
{
    CHECK(refusal(area("r--p", "/tmp/x (deleted)", "", 0xfe), FileFacts{true, false}).empty());
    CHECK(needs_file_facts(area("r--p", "/tmp/x (deleted)", "", 0xfe)));
    CHECK_FALSE(needs_file_facts(area("r--p", "/tmp/x", "", 0xfe)));
}

TEST_CASE("without VmFlags only what they tell goes through")
{
    CHECK_FALSE(classify(area("rw-p", "", "rd wr um"), false).refusal);
    CHECK(classify(area("rw-s", "/secretmem (deleted)"), false).refusal);
}

TEST_CASE("flags and advice in the image")
{
    auto vma = to_entry(area("rw-p", "[stack]", "rd wr gd lo nr ac"), 0x203);
    CHECK(vma.flags() == (MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE));
    CHECK(vma.prot() == (PROT_READ | PROT_WRITE));
    CHECK_FALSE(vma.has_madv());
    CHECK_FALSE(vma.has_cr_flags());

    vma = to_entry(area("r--p", "", "rd ac dc dd hg wf"), 0x201);
    CHECK(vma.madv() ==
          (1 << MADV_DONTFORK | 1 << MADV_DONTDUMP | 1 << MADV_HUGEPAGE | 1 << MADV_WIPEONFORK));
    CHECK(vma.cr_flags() == kVmaAccounted);

    vma = to_entry(area("rw-p", "", "rd wr dp wf dd"), 0x201);
    CHECK(vma.flags() == (kMapDroppable | MAP_ANONYMOUS));
    CHECK_FALSE(vma.has_madv());
    CHECK_FALSE(has_private_pages(vma));

    CHECK(to_entry(area("r-xs", "/x", "rd ex sh", 0xfe), 0x81).flags() == MAP_SHARED);
    CHECK_FALSE(to_entry(area("r--p", "[vvar]", "rd pf io de dd"), 0x1201).has_madv());
}

TEST_CASE("our own areas are all dumpable")
{
    bool rings = true;
    for (const Blocker &b : blockers(proc::PidDir(getpid()), rings))
        FAIL(b.what);
    CHECK_FALSE(rings);
}

TEST_CASE("names and seals of areas are in their entries")
{
    CHECK(to_entry(area("rw-p", "[anon:a name]"), 0x201).cr_name() == "a name");
    CHECK(to_entry(area("rw-s", "[anon_shmem:x]", "sh"), 0x101).cr_name() == "x");
    CHECK_FALSE(to_entry(area("rw-p", "[heap]"), 0x221).has_cr_name());
    CHECK_FALSE(to_entry(area("rw-p", ""), 0x201).has_cr_name());
    CHECK(to_entry(area("r--p", "", "rd sl"), 0x201).cr_flags() == kVmaSealed);
}
