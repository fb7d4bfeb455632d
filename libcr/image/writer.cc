#include "libcr/image/writer.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"

#include <cerrno>
#include <climits>
#include <endian.h>

namespace cr::image
{

namespace
{

constexpr size_t kFlushAt = 256 << 10;

void append_u32(std::string &out, uint32_t value)
{
    value = htole32(value);
    out.append(reinterpret_cast<const char *>(&value), sizeof value);
}

} // namespace

Writer::Writer(const Dir &dir, Kind kind, uint64_t id)
    : Writer(dir.create_file(kind, id), kind, file_name(kind, id))
{
}

Writer::Writer(Fd fd, Kind kind, std::string name) : name_(std::move(name)), fd_(std::move(fd))
{
    const Entry &e = entry(kind);
    if (e.framing == Framing::Normal)
        append_u32(buffer_, kCommonMagic);
    else if (e.framing == Framing::Service)
        append_u32(buffer_, kServiceMagic);
    if (e.framing != Framing::Raw)
        append_u32(buffer_, e.magic);
}

void Writer::put(const google::protobuf::MessageLite &message)
{
    if (!message.IsInitialized())
        failed_with(0, cat("write ", name_, ": a required field of ", message.GetTypeName(), " is not set"));
    size_t length = message.ByteSizeLong();
    if (length > INT_MAX)
        failed_with(EFBIG, cat("write ", name_));
    append_u32(buffer_, static_cast<uint32_t>(length));
    message.AppendToString(&buffer_);
    if (buffer_.size() >= kFlushAt)
        flush();
}

void Writer::put_raw(const void *bytes, size_t n)
{
    if (buffer_.size() + n < kFlushAt) {
        buffer_.append(static_cast<const char *>(bytes), n);
        return;
    }
    flush();
    sys::write_all(fd_.get(), bytes, n, name_);
}

void Writer::flush()
{
    sys::write_all(fd_.get(), buffer_.data(), buffer_.size(), name_);
    buffer_.clear();
}

void Writer::finish()
{
    flush();
    fd_.reset();
}

void write_one(const Dir &dir, Kind kind, uint64_t id, const google::protobuf::MessageLite &message)
{
    Writer writer(dir, kind, id);
    writer.put(message);
    writer.finish();
}

} // namespace cr::image
