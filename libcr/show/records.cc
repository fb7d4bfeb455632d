#include "libcr/show/records.h"

#include "libcr/base/text.h"

#include <sys/stat.h>

namespace cr::show
{

using image::Kind;

namespace
{

uint64_t padded(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }

} // namespace

std::optional<uint64_t> payload_length(Kind kind, const Message &message)
{
    switch (kind) {
    case Kind::PipesData:
    case Kind::FifoData:
        return number(message, "bytes");
    case Kind::SkQueues:
        return number(message, "length");
    case Kind::TcpStream:
        return number(message, "inq_len") + number(message, "outq_len");
    case Kind::BpfmapData:
        return number(message, "keys_bytes") + number(message, "values_bytes");
    case Kind::IpcnsSem:
        return padded(number(message, "nsems") * 2, 8);
    case Kind::IpcnsShm:
        return number(message, "in_pagemaps") ? 0 : padded(number(message, "size"), 4);
    default:
        return std::nullopt;
    }
}

std::string RecordWalker::type_of_next() const
{
    if (entry_.kind == Kind::IpcnsMsg && nested_)
        return "ipc_msg";
    return count_ == 0 && entry_.head ? entry_.head : entry_.message;
}

bool RecordWalker::next(Record &record)
{
    record.nested = entry_.kind == Kind::IpcnsMsg ? nested_ != 0 : entry_.kind == Kind::GhostFile && count_;
    record.message = messages_.make(type_of_next());
    if (!reader_.next(*record.message))
        return false;
    count_++;
    record.payload = reader_.payload(payload_of(*record.message));
    return true;
}

// The length of what follows the record just read.
uint64_t RecordWalker::payload_of(const Message &message)
{
    if (entry_.kind == Kind::GhostFile && count_ > 1)
        return number(message, "len");
    if (entry_.kind == Kind::GhostFile)
        return number(message, "chunks") || !S_ISREG(number(message, "mode")) ? 0 : reader_.remaining();
    if (entry_.kind == Kind::IpcnsMsg && nested_) {
        nested_--;
        return padded(number(message, "msize"), 8);
    }
    if (entry_.kind == Kind::IpcnsMsg)
        nested_ = number(message, "qnum");
    return payload_length(entry_.kind, message).value_or(0);
}

} // namespace cr::show
