#include "libcr/show/records.h"

#include "libcr/base/text.h"

#include <sys/stat.h>

namespace cr::show
{

using image::Kind;

namespace
{

uint64_t padded(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

} // namespace

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
    switch (entry_.kind) {
    case Kind::PipesData:
    case Kind::FifoData:
        return number(message, "bytes");
    case Kind::SkQueues:
        return number(message, "length");
    case Kind::TcpStream:
        return number(message, "inq_len") + number(message, "outq_len");
    case Kind::BpfmapData:
        return number(message, "keys_bytes") + number(message, "values_bytes");
    case Kind::GhostFile:
        if (count_ > 1)
            return number(message, "len");
        return number(message, "chunks") || !S_ISREG(number(message, "mode")) ? 0 : reader_.remaining();
    case Kind::IpcnsSem:
        return padded(number(message, "nsems") * 2, 8);
    case Kind::IpcnsMsg:
        if (nested_) {
            nested_--;
            return padded(number(message, "msize"), 8);
        }
        nested_ = number(message, "qnum");
        return 0;
    case Kind::IpcnsShm:
        return number(message, "in_pagemaps") ? 0 : padded(number(message, "size"), 4);
    default:
        return 0;
    }
}

} // namespace cr::show
