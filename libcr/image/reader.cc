#include "libcr/image/reader.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <endian.h>
#include <google/protobuf/io/coded_stream.h>

namespace cr::image
{

namespace
{

// Deeper than any message that makes sense (cgroup directories and AppArmor namespaces nest), and far from
// what would endanger the stack.
constexpr int kMaxNesting = 100;
constexpr size_t kReadAhead = 64 << 10;

} // namespace

RecordReader::RecordReader(const Dir &dir, Kind kind, uint64_t id)
    : RecordReader(dir.open_file(kind, id), kind, file_name(kind, id))
{
}

std::optional<RecordReader> RecordReader::open(const Dir &dir, Kind kind, uint64_t id)
{
    Fd fd = dir.open_file(kind, id);
    if (!fd)
        return std::nullopt;
    return RecordReader(std::move(fd), kind, file_name(kind, id));
}

RecordReader::RecordReader(Fd fd, Kind kind, std::string name) : fd_(std::move(fd)), name_(std::move(name))
{
    if (!fd_)
        bad_image(cat(name_, ": is missing"));
    size_ = static_cast<uint64_t>(sys::stat_of(fd_.get(), name_).st_size);
    check_magic(kind);
}

void RecordReader::check_magic(Kind kind)
{
    const Entry &e = entry(kind);
    if (e.framing == Framing::Raw)
        return;
    if (size_ < 4)
        bad_image(cat(name_, ": is empty or ends within its magic"));
    uint32_t magic = read_u32();
    uint32_t outer = e.framing == Framing::Service ? kServiceMagic : kCommonMagic;
    if (e.framing != Framing::Inventory && magic == outer) {
        if (remaining() < 4)
            bad_image(cat(name_, ": ends within its magic"));
        magic = read_u32();
    } else if (e.framing == Framing::Service) {
        bad_image(cat(name_, ": magic is 0x", hex(magic), " where 0x", hex(outer), " must be"));
    }
    if (magic != e.magic)
        bad_image(cat(name_, ": magic is 0x", hex(magic), " where 0x", hex(e.magic), " must be"));
}

bool RecordReader::next(google::protobuf::MessageLite &message)
{
    message.Clear();
    if (remaining() == 0)
        return false;
    record_++;
    if (remaining() < 4)
        fail("ends within its length");
    uint32_t length = read_u32();
    if (length > remaining() || length > INT_MAX)
        fail(cat("is said to have ", length, " bytes but the file has ", remaining(), " more"));
    const char *bytes = peek(length);
    google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t *>(bytes),
                                                  static_cast<int>(length));
    stream.SetRecursionLimit(kMaxNesting);
    if (!message.ParsePartialFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
        fail(cat("is not a ", message.GetTypeName()));
    at_ += length;
    offset_ += length;
    if (!message.IsInitialized())
        fail(cat("lacks a required field of ", message.GetTypeName()));
    return true;
}

std::string RecordReader::payload(uint64_t n)
{
    if (n > remaining())
        fail(cat("is followed by ", remaining(), " bytes where ", n, " must be"));
    std::string out(n, '\0');
    read(out.data(), n);
    return out;
}

void RecordReader::payload(void *to, uint64_t n)
{
    if (n > remaining())
        fail(cat("is followed by ", remaining(), " bytes where ", n, " must be"));
    read(to, n);
}

void RecordReader::skip(uint64_t n)
{
    if (n > remaining())
        fail(cat("is followed by ", remaining(), " bytes where ", n, " must be"));
    at_ = n < filled_ - at_ ? at_ + n : filled_;
    offset_ += n;
}

void RecordReader::fail(const std::string &what) const
{
    bad_image(cat(name_, ": record ", record_, ": ", what));
}

uint32_t RecordReader::read_u32()
{
    uint32_t value;
    read(&value, sizeof value);
    return le32toh(value);
}

void RecordReader::read(void *to, uint64_t n)
{
    size_t ahead = std::min<uint64_t>(n, filled_ - at_);
    if (ahead) {
        std::memcpy(to, buffer_.data() + at_, ahead);
        at_ += ahead;
        offset_ += ahead;
    }
    if (uint64_t rest = n - ahead; rest >= kReadAhead) {
        if (sys::pread_up_to(fd_.get(), static_cast<char *>(to) + ahead, rest, offset_, name_) < rest)
            fail("the file became shorter while it was read");
        offset_ += rest;
    } else if (rest) {
        std::memcpy(static_cast<char *>(to) + ahead, peek(static_cast<uint32_t>(rest)), rest);
        at_ += rest;
        offset_ += rest;
    }
}

// n bytes from here on, contiguous, without consuming them. The caller has compared n with remaining().
const char *RecordReader::peek(uint32_t n)
{
    if (filled_ - at_ < n) {
        size_t ahead = filled_ - at_;
        size_t want = std::min<uint64_t>(remaining(), std::max<size_t>(n, kReadAhead));
        if (buffer_.size() < want)
            buffer_.resize(want);
        std::memmove(buffer_.data(), buffer_.data() + at_, ahead);
        at_ = 0;
        filled_ =
            ahead + sys::pread_up_to(fd_.get(), buffer_.data() + ahead, want - ahead, offset_ + ahead, name_);
        if (filled_ < n)
            fail("the file became shorter while it was read");
    }
    return buffer_.data() + at_;
}

void read_one_into(const Dir &dir, Kind kind, uint64_t id, google::protobuf::MessageLite &message)
{
    if (!read_optional_into(dir, kind, id, message))
        bad_image(cat(file_name(kind, id), ": is missing"));
}

bool read_optional_into(const Dir &dir, Kind kind, uint64_t id, google::protobuf::MessageLite &message)
{
    auto reader = RecordReader::open(dir, kind, id);
    if (!reader)
        return false;
    if (!reader->next(message))
        bad_image(cat(reader->name(), ": has no record"));
    if (reader->remaining())
        reader->fail(cat("is followed by ", reader->remaining(), " bytes that do not belong there"));
    return true;
}

} // namespace cr::image
