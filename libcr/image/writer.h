// Writing images: a fresh file with its magic, then records and payload, gathered in a buffer so that a small
// image costs open, write, close. A file counts only once finish() returned; a Writer that goes away without
// leaves a truncated file behind, in a directory that has no inventory (seal.h) and that no reader accepts.
#pragma once

#include "libcr/base/fd.h"
#include "libcr/image/dir.h"

#include <google/protobuf/message_lite.h>
#include <string>

namespace cr::image
{

class Writer
{
  public:
    Writer(const Dir &dir, Kind kind, uint64_t id = 0);
    // A fresh file of the caller's; `name` is for messages.
    Writer(Fd fd, Kind kind, std::string name);

    void put(const google::protobuf::MessageLite &message);
    // Payload after the record just put (or the content of a raw image).
    void put_raw(const void *bytes, size_t n);
    void finish();

    // For those who copy payload without a buffer: everything put so far is in the file after flush().
    void flush();
    int fd() const { return fd_.get(); }
    const std::string &name() const { return name_; }

  private:
    std::string name_;
    Fd fd_;
    std::string buffer_;
};

void write_one(const Dir &dir, Kind kind, uint64_t id, const google::protobuf::MessageLite &message);

} // namespace cr::image
