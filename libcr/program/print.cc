#include "libcr/program/print.h"

#include "libcr/base/text.h"
#include "pie/ops.h"

#include <algorithm>
#include <fcntl.h>
#include <sched.h>
#include <span>
#include <sys/mman.h>
#include <sys/syscall.h>

namespace cr::program
{

namespace
{

struct Name {
    long nr;
    const char *name;
};

constexpr Name kNames[] = {
#include "libcr/program/syscalls.inc"
};

// How arguments read, one letter each; what is not listed: small numbers decimal, others hexadecimal.
//   d signed, x hexadecimal, s a string, P PROT_*, M MAP_*, O O_*, D directory descriptor, o octal
constexpr struct {
    long nr;
    const char *args;
} kSignatures[] = {
    {SYS_read, "dxd"},        {SYS_write, "dxd"},    {SYS_open, "sOo"},        {SYS_openat, "DsOo"},
    {SYS_close, "d"},         {SYS_mmap, "xdPMdx"},  {SYS_mprotect, "xdP"},    {SYS_munmap, "xd"},
    {SYS_mremap, "xddxx"},    {SYS_madvise, "xdd"},  {SYS_pread64, "dxdx"},    {SYS_preadv, "dxdx"},
    {SYS_chdir, "s"},         {SYS_chroot, "s"},     {SYS_umask, "o"},         {SYS_mkdirat, "Dso"},
    {SYS_unlinkat, "Dsx"},    {SYS_linkat, "DsDsx"}, {SYS_fchdir, "d"},        {SYS_dup3, "ddO"},
    {SYS_readlinkat, "Dsxd"}, {SYS_lseek, "ddd"},    {SYS_pidfd_getfd, "ddx"}, {SYS_brk, "x"},
    {SYS_fcntl, "ddx"},
};

const char *signature(long nr)
{
    for (const auto &s : kSignatures)
        if (s.nr == nr)
            return s.args;
    return "";
}

struct Flag {
    uint64_t value;
    const char *name;
};

constexpr Flag kProt[] = {{PROT_READ, "PROT_READ"}, {PROT_WRITE, "PROT_WRITE"}, {PROT_EXEC, "PROT_EXEC"}};
constexpr Flag kMap[] = {{MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE"},
                         {MAP_SHARED, "MAP_SHARED"},
                         {MAP_PRIVATE, "MAP_PRIVATE"},
                         {MAP_FIXED, "MAP_FIXED"},
                         {MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"},
                         {MAP_ANONYMOUS, "MAP_ANONYMOUS"},
                         {MAP_GROWSDOWN, "MAP_GROWSDOWN"},
                         {MAP_LOCKED, "MAP_LOCKED"},
                         {MAP_NORESERVE, "MAP_NORESERVE"},
                         {MAP_POPULATE, "MAP_POPULATE"},
                         {MAP_STACK, "MAP_STACK"},
                         {MAP_HUGETLB, "MAP_HUGETLB"}};
constexpr Flag kOpen[] = {
    {O_WRONLY, "O_WRONLY"},     {O_RDWR, "O_RDWR"},         {O_CREAT, "O_CREAT"},
    {O_EXCL, "O_EXCL"},         {O_NOCTTY, "O_NOCTTY"},     {O_TRUNC, "O_TRUNC"},
    {O_APPEND, "O_APPEND"},     {O_NONBLOCK, "O_NONBLOCK"}, {O_DIRECTORY, "O_DIRECTORY"},
    {O_NOFOLLOW, "O_NOFOLLOW"}, {O_CLOEXEC, "O_CLOEXEC"},   {O_PATH, "O_PATH"},
    {O_DIRECT, "O_DIRECT"},     {O_NOATIME, "O_NOATIME"}};

std::string flags(uint64_t value, std::span<const Flag> names, const char *none)
{
    std::string out;
    for (const Flag &flag : names)
        if ((value & flag.value) == flag.value) {
            out += cat(out.empty() ? "" : "|", flag.name);
            value &= ~flag.value;
        }
    if (value)
        out += cat(out.empty() ? "0x" : "|0x", hex(value));
    return out.empty() ? none : out;
}

std::string octal(uint64_t value)
{
    std::string digits;
    for (; value; value /= 8)
        digits.insert(digits.begin(), static_cast<char>('0' + value % 8));
    return cat("0", digits);
}

std::string number(char as, uint64_t value)
{
    int64_t n = static_cast<int64_t>(value);
    switch (as) {
    case 'd':
        return static_cast<int32_t>(value) == -1 || n < 0 ? cat(static_cast<int32_t>(value)) : cat(n);
    case 'x':
    case 's':
        return value ? cat("0x", hex(value)) : "0";
    case 'P':
        return flags(value, kProt, "PROT_NONE");
    case 'M':
        return flags(value, kMap, "0");
    case 'O':
        return flags(value, kOpen, "O_RDONLY");
    case 'D':
        return static_cast<int32_t>(value) == AT_FDCWD ? "AT_FDCWD" : cat(static_cast<int32_t>(value));
    case 'o':
        return octal(value);
    }
    return n > -4096 && n < 65536 ? cat(n) : cat("0x", hex(value));
}

} // namespace

std::string syscall_name(long nr)
{
    for (const Name &name : kNames)
        if (name.nr == nr)
            return name.name;
    return cat("syscall_", nr);
}

std::string print_call(long nr, const std::vector<uint64_t> &args)
{
    const char *as = signature(nr);
    std::string out = cat(syscall_name(nr), "(");
    for (size_t i = 0; i < args.size(); i++) {
        out += cat(i ? ", " : "", number(*as ? *as : '?', args[i]));
        as += *as != 0;
    }
    out += ")";
    return out;
}

// Everything private that printing needs to see.
class Printer
{
  public:
    Printer(const Region &region, ProgramId program) : region_(region), program_(region.program(program)) {}

    size_t size() const { return program_.ops_.size(); }
    const std::string &subject(size_t i) const { return program_.ops_[i].subject; }

    std::string op(size_t i) const
    {
        const Program::Op &op = program_.ops_.at(i);
        switch (op.code) {
        case CR_OP_SYS:
        case CR_OP_CLONE:
            return call(op);
        case CR_OP_JMP:
            return cat("goto ", value('?', op.words[0]));
        case CR_OP_NATIVE:
            return cat("leave to ", value('x', op.words[0]));
        case CR_OP_COPY8:
            if (op.flags & Program::kLoads)
                return cat("*", value('x', op.words[1]));
            return cat("*", value('x', op.words[0]), " = ", value('x', op.words[1]));
        case CR_OP_ADD:
            return cat(value('?', op.words[0]), " += ", value('?', op.words[1]));
        case CR_OP_WAIT:
            return cat("wait until ", value('?', op.words[0]), " >= ", value('?', op.words[1]));
        case CR_OP_SETFAIL:
            return cat("on failure: ", value('?', op.words[1]));
        }
        return cat("operation of unknown code ", op.code);
    }

  private:
    std::string call(const Program::Op &op) const
    {
        bool code_32 = op.flags & CR_OP_CODE32;
        const char *as = code_32 ? "" : signature(op.nr);
        std::string out = cat(code_32 ? cat("32-bit call ", op.nr) : std::string(syscall_name(op.nr)), "(");
        size_t n = op.nargs;
        for (size_t i = 0; i < n; i++) {
            out += cat(i ? ", " : "", value(*as ? *as : '?', op.words[i]));
            as += *as != 0;
        }
        out += ")";
        if (op.code == CR_OP_CLONE)
            out += cat(" goes on at ", value('?', op.words[n++]));
        if (op.flags & CR_OP_EXPECT)
            out += cat(" = ", value('?', op.words[n++]));
        if (op.flags & CR_OP_REPEAT) {
            out += cat(" ", op.words[n].number, " times");
            for (size_t i = 0; i < op.nargs; i++)
                out += cat(i ? ", +" : ", arguments +", value('?', op.words[n + 1 + i]));
        }
        return out;
    }

    std::string value(char as, const Value &v) const
    {
        switch (v.kind) {
        case Value::Kind::Number:
            return number(as, v.number);
        case Value::Kind::Result:
            return cat("#", v.index);
        case Value::Kind::Word:
            return cat("word", v.index);
        case Value::Kind::Entry:
            return cat("program ", v.index, " (", region_.program({v.index}).name(), ")");
        case Value::Kind::Data:
            return as == 's'  ? text(v)
                   : v.number ? cat("data", v.index, "+", v.number)
                              : cat("data", v.index);
        }
        return {};
    }

    std::string text(const Value &v) const
    {
        const auto &bytes = region_.blobs_.at(v.index).bytes;
        auto begin = bytes.begin() + static_cast<long>(std::min<uint64_t>(v.number, bytes.size()));
        return cat("\"", printable(std::string(begin, std::find(begin, bytes.end(), 0))), "\"");
    }

    const Region &region_;
    const Program &program_;
};

std::string print_op(const Region &region, ProgramId program, OpId op)
{
    return Printer(region, program).op(op.index);
}

std::string print(const Region &region, ProgramId program)
{
    Printer printer(region, program);
    std::string out;
    for (size_t i = 0; i < printer.size(); i++) {
        out += cat("  #", i, "  ", printer.op(i));
        if (!printer.subject(i).empty())
            out += cat("  # ", printer.subject(i));
        out += '\n';
    }
    return out;
}

} // namespace cr::program
