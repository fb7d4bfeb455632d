// The records of any image, one after the other, each with the payload that follows it. How long the payload
// is, the record says in a way of its own kind; two kinds have records of a second type between (the chunks
// of a ghost file, the messages of a queue). What comes out is flat and goes back to the same bytes when it
// is put through a Writer in order.
#pragma once

#include "libcr/image/reader.h"
#include "libcr/show/descriptors.h"

#include <memory>
#include <optional>
#include <string>

namespace cr::show
{

struct Record {
    std::unique_ptr<Message> message;
    std::string payload;
    bool nested = false; // belongs to a record before: a queue's message, a file's chunk
};

// How many bytes follow a record by its own account; nothing for the kinds where more than the record
// decides.
std::optional<uint64_t> payload_length(image::Kind kind, const Message &message);

class RecordWalker
{
  public:
    // Both are borrowed.
    RecordWalker(const Messages &messages, image::RecordReader &reader, image::Kind kind)
        : messages_(messages), reader_(reader), entry_(image::entry(kind))
    {
    }
    // False at the end.
    bool next(Record &record);

  private:
    std::string type_of_next() const;
    uint64_t payload_of(const Message &message);

    const Messages &messages_;
    image::RecordReader &reader_;
    const image::Entry &entry_;
    uint64_t count_ = 0;
    uint64_t nested_ = 0; // how many records of the second type follow
};

} // namespace cr::show
