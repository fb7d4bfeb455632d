// Records of the session stream on a descriptor: a 32-bit length and a session_record. The stream comes from
// our own processes, but a reader still bounds the length: a wrong program in the pipeline must end in a
// sentence.
#pragma once

#include "session.pb.h"

#include <cstdint>
#include <memory>
#include <string>

namespace cr::session
{

inline constexpr uint32_t kStreamVersion = 1;
inline constexpr uint32_t kMaxRecord = 16 << 20;

// Writes the whole record. Throws when the reader is gone.
void put_record(int fd, const img::session_record &record);
// Writes bytes that are whole records already.
void put_bytes(int fd, const void *bytes, size_t size);

class RecordStream
{
  public:
    // While it waits it watches the reader of `out`, where records are passed on to: when that is gone,
    // waiting for more is pointless, and would keep everybody before us from hearing of it.
    explicit RecordStream(int fd, int out = -1) : fd_(fd), out_(out) {}
    // The next record, and its bytes as they came (length included) in `raw` when wanted. False at the end of
    // the stream; a stream that ends inside a record throws.
    bool next(img::session_record &record, std::string *raw = nullptr);

  private:
    bool fill(size_t need);
    void make_room(size_t need);
    int fd_, out_;
    std::unique_ptr<char[]> buffer_; // not filled with zeros: most records are small, and each page touched costs
    size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

} // namespace cr::session
