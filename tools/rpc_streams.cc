#include "rpc_streams.h"

#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cr::tools
{

namespace
{

constexpr int kFirstAside = 10;

// A descriptor that is none of the standard streams, some of which may have been closed.
Fd above(long fd)
{
    Fd low(static_cast<int>(fd));
    return Fd(static_cast<int>(
        sys::check(sys::call(SYS_fcntl, low.get(), F_DUPFD_CLOEXEC, kFirstAside), "number a descriptor")));
}

Fd memory(const char *name)
{
    return above(sys::check(sys::call(SYS_memfd_create, name, MFD_CLOEXEC), "make a file in memory"));
}

std::string text_of(const Fd &file)
{
    std::string out(static_cast<size_t>(std::max(0l, sys::call(SYS_lseek, file.get(), 0, SEEK_END))), '\0');
    long n = sys::call(SYS_pread64, file.get(), out.data(), out.size(), 0);
    out.resize(static_cast<size_t>(std::max(0l, n)));
    return out;
}

// The string after "name": in a line of JSON of our own making.
std::string string_in(std::string_view line, std::string_view name)
{
    size_t at = line.find(cat("\"", name, "\":\""));
    std::string out;
    if (at == line.npos)
        return out;
    for (size_t i = at + name.size() + 4; i < line.size() && line[i] != '"'; i++) {
        if (line[i] == '\\' && i + 1 < line.size())
            i++;
        out += line[i];
    }
    return out;
}

int64_t number_in(std::string_view line, std::string_view name)
{
    size_t at = line.find(cat("\"", name, "\":"));
    if (at == line.npos)
        return 0;
    line.remove_prefix(at + name.size() + 3);
    return parse_int<int64_t>(line.substr(0, line.find_first_not_of("0123456789-"))).value_or(0);
}

} // namespace

Streams::Streams()
{
    fflush(stdout);
    for (int i = 0; i < 3; i++) {
        long copy = sys::call(SYS_fcntl, i, F_DUPFD_CLOEXEC, kFirstAside);
        aside_[static_cast<size_t>(i)] = Fd(copy < 0 ? -1 : static_cast<int>(copy));
    }
    during_[0] = above(
        sys::check(sys::call(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0), "open /dev/null"));
    during_[1] = memory("cr-stdout");
    during_[2] = memory("cr-stderr");
    for (int i = 0; i < 3; i++) {
        int from = during_[static_cast<size_t>(i)].get();
        sys::check(sys::call(SYS_dup3, from, i, 0), "put the standard streams aside");
    }
}

int Streams::number_of(int fd) const
{
    return fd >= 0 && fd < 3 && aside_[static_cast<size_t>(fd)] ? aside_[static_cast<size_t>(fd)].get() : fd;
}

void Streams::end()
{
    if (ended_)
        return;
    ended_ = true;
    fflush(stdout);
    for (int i = 0; i < 3; i++) {
        const Fd &before = aside_[static_cast<size_t>(i)];
        if (before)
            sys::call(SYS_dup3, before.get(), i, 0);
        else
            sys::call(SYS_close, i);
    }
    out_ = text_of(during_[1]);
    err_ = text_of(during_[2]);
}

int64_t Streams::number_said(const std::string &name) const { return number_in(out_, name); }

Streams::Failure Streams::failure(int code) const
{
    Failure out;
    for (std::string_view rest = err_; !rest.empty();) {
        std::string_view line = take_until(rest, '\n');
        out.sentence = string_in(line, "error");
        if (out.sentence.empty())
            continue;
        std::string kind = string_in(line, "kind");
        out.kind = kind == "usage"     ? Error::Kind::Usage
                   : kind == "image"   ? Error::Kind::Image
                   : kind == "refused" ? Error::Kind::Refused
                                       : Error::Kind::Failed;
        out.err = static_cast<int>(number_in(line, "errno"));
        return out;
    }
    out.sentence = cat("the command ended with ", code);
    return out;
}

} // namespace cr::tools
