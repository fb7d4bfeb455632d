#include "libcr/session/wire.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/gate.h"

#include <algorithm>
#include <cstring>
#include <poll.h>
#include <sys/syscall.h>
#include <utility>

namespace cr::session
{

void put_bytes(int fd, const void *bytes, size_t size)
{
    const char *at = static_cast<const char *>(bytes);
    while (size) {
        long n = sys::call(SYS_write, fd, at, size);
        if (n == -EINTR)
            continue;
        sys::check(n, "pass records on to the next stage");
        at += n;
        size -= static_cast<size_t>(n);
    }
}

void put_record(int fd, const img::session_record &record)
{
    std::string bytes(4, '\0');
    record.AppendToString(&bytes);
    uint32_t length = static_cast<uint32_t>(bytes.size() - 4);
    memcpy(bytes.data(), &length, 4);
    put_bytes(fd, bytes.data(), bytes.size());
}

// Moves what is there to the front, of a larger buffer if it must be.
void RecordStream::make_room(size_t need)
{
    std::unique_ptr<char[]> larger;
    if (need > capacity_)
        larger = std::make_unique_for_overwrite<char[]>(capacity_ = std::max<size_t>(need, 65536));
    std::copy(buffer_.get() + begin_, buffer_.get() + end_, larger ? larger.get() : buffer_.get());
    if (larger)
        buffer_ = std::move(larger);
    end_ -= std::exchange(begin_, 0);
}

// Has at least `need` bytes from begin_ on; false when the stream ended before.
bool RecordStream::fill(size_t need)
{
    while (end_ - begin_ < need) {
        if (begin_ + need > capacity_)
            make_room(need);
        pollfd ends[] = {{fd_, POLLIN, 0}, {out_, 0, 0}};
        if (sys::call(SYS_poll, ends, 2, -1) > 0 && (ends[1].revents & (POLLERR | POLLHUP)))
            failed_with(EPIPE, "pass records on to the next stage");
        long n = sys::call(SYS_read, fd_, buffer_.get() + end_, capacity_ - end_);
        if (n == -EINTR)
            continue;
        if (sys::check(n, "read the session stream") == 0)
            return false;
        end_ += static_cast<size_t>(n);
    }
    return true;
}

bool RecordStream::next(img::session_record &record, std::string *raw)
{
    if (!fill(4)) {
        if (end_ != begin_)
            bad_image("the session stream ends inside a record");
        return false;
    }
    uint32_t length;
    memcpy(&length, buffer_.get() + begin_, 4);
    if (length > kMaxRecord)
        bad_image("standard input is not a session stream", "the first tool of a pipeline is cr-freeze");
    if (!fill(4 + size_t(length)))
        bad_image("the session stream ends inside a record");
    if (!record.ParseFromArray(buffer_.get() + begin_ + 4, static_cast<int>(length)))
        bad_image("standard input is not a session stream", "the first tool of a pipeline is cr-freeze");
    if (raw)
        raw->assign(buffer_.get() + begin_, 4 + size_t(length));
    begin_ += 4 + size_t(length);
    return true;
}

} // namespace cr::session
