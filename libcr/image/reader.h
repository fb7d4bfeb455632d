// Reading images, trusting nothing. The bytes may come from anyone: a length is compared with what the file
// really holds before anything is allocated for it, so memory is bounded by the size of the file; messages
// must parse within a fixed nesting depth and have their required fields. Whatever is wrong is an Error of
// kind Image that begins with file and record: "core-42.img: record 1: ...".
//
// What a message *says* (ids, ranges, names) is checked by those who know its meaning.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/image/catalog.h"
#include "libcr/image/dir.h"

#include <google/protobuf/message_lite.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cr::image
{

class RecordReader
{
  public:
    // Throws when the file is missing.
    RecordReader(const Dir &dir, Kind kind, uint64_t id = 0);
    // Nothing when the file is missing.
    static std::optional<RecordReader> open(const Dir &dir, Kind kind, uint64_t id = 0);
    // A file open already, at its beginning; `name` is for messages.
    RecordReader(Fd fd, Kind kind, std::string name);

    // The next record into `message`, which is cleared; false at the end of the file.
    bool next(google::protobuf::MessageLite &message);

    // Bytes that follow the record just read. Fewer in the file than asked for is an error.
    std::string payload(uint64_t n);
    void payload(void *to, uint64_t n);
    void skip(uint64_t n);
    // Bytes from here to the end of the file.
    uint64_t remaining() const { return size_ - offset_; }

    // The file and the place in it that is read next, for those who copy payload without a buffer.
    int fd() const { return fd_.get(); }
    uint64_t offset() const { return offset_; }
    uint64_t size() const { return size_; }

    const std::string &name() const { return name_; }
    // Throws bad_image("NAME: record N: what") about the record just read.
    [[noreturn]] void fail(const std::string &what) const;

  private:
    void check_magic(Kind kind);
    void read(void *to, uint64_t n);
    uint32_t read_u32();
    const char *peek(uint32_t n);

    Fd fd_;
    std::string name_;
    uint64_t size_ = 0;   // of the file
    uint64_t offset_ = 0; // of the next byte handed out
    uint64_t record_ = 0;
    std::vector<char> buffer_;
    size_t at_ = 0, filled_ = 0; // buffer_[at_, filled_) is read ahead
};

// The only record of a single image. read_one() throws when the file is missing.
void read_one_into(const Dir &dir, Kind kind, uint64_t id, google::protobuf::MessageLite &message);
bool read_optional_into(const Dir &dir, Kind kind, uint64_t id, google::protobuf::MessageLite &message);

template <class Message> Message read_one(const Dir &dir, Kind kind, uint64_t id = 0)
{
    Message message;
    read_one_into(dir, kind, id, message);
    return message;
}

template <class Message> std::optional<Message> read_optional(const Dir &dir, Kind kind, uint64_t id = 0)
{
    Message message;
    if (!read_optional_into(dir, kind, id, message))
        return std::nullopt;
    return message;
}

// Every record of an array image without payload. A missing file is an image without records.
template <class Message> std::vector<Message> read_all(const Dir &dir, Kind kind, uint64_t id = 0)
{
    std::vector<Message> out;
    if (auto reader = RecordReader::open(dir, kind, id))
        while (reader->next(out.emplace_back()))
            ;
    if (!out.empty())
        out.pop_back();
    return out;
}

} // namespace cr::image
