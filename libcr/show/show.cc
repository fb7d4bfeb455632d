#include "libcr/show/show.h"

#include "libcr/base/error.h"
#include "libcr/base/json.h"
#include "libcr/base/text.h"
#include "libcr/image/reader.h"
#include "libcr/show/records.h"
#include "libcr/show/value.h"
#include "libcr/sys/file.h"

#include <endian.h>
#include <optional>
#include <utility>

namespace cr::show
{

using image::Kind;

namespace
{

std::optional<Kind> kind_by_magic(int fd, const std::string &name)
{
    uint32_t words[2] = {};
    sys::pread_up_to(fd, words, sizeof words, 0, name);
    uint32_t first = le32toh(words[0]), second = le32toh(words[1]);
    bool outer = first == image::kCommonMagic || first == image::kServiceMagic;
    for (const image::Entry &e : image::catalog())
        if (e.magic && e.magic == (outer ? second : first))
            return e.kind;
    return std::nullopt;
}

// The name wins: several kinds share a magic.
Kind kind_of(int fd, const std::string &name)
{
    if (auto known = image::parse_file_name(name))
        return known->kind;
    if (auto kind = kind_by_magic(fd, name))
        return *kind;
    bad_image(cat(printable(name), ": neither its name nor its first bytes are those of an image"));
}

Value bytes_value(std::string_view bytes, Style style)
{
    constexpr size_t kShown = 64;
    if (style != Style::Text)
        return Value::string(base64(bytes));
    return Value::string(cat(printable(bytes.substr(0, kShown)),
                             bytes.size() > kShown ? cat("... ", bytes.size(), " bytes") : ""));
}

// Padding is left out.
Value payload_value(Kind kind, const Message &message, std::string_view payload, Style style)
{
    Value out;
    switch (kind) {
    case Kind::TcpStream:
        out.add("inq", bytes_value(payload.substr(0, number(message, "inq_len")), style));
        out.add("outq", bytes_value(payload.substr(number(message, "inq_len")), style));
        return out;
    case Kind::IpcnsSem:
        out = Value::array();
        for (uint64_t i = 0; i < number(message, "nsems"); i++)
            out.add(Value::literal(cat(static_cast<unsigned char>(payload[2 * i]) |
                                       static_cast<unsigned char>(payload[2 * i + 1]) << 8)));
        return out;
    case Kind::IpcnsShm:
        return bytes_value(payload.substr(0, number(message, "size")), style);
    case Kind::IpcnsMsg:
        return bytes_value(payload.substr(0, number(message, "msize")), style);
    default:
        return bytes_value(payload, style);
    }
}

// Entries one after the other, each printed when it is complete.
class Entries
{
  public:
    Entries(Style style, const Out &out) : style_(style), out_(out) {}

    void print(const char *type, const Value &value)
    {
        std::string text;
        bool first = count_++ == 0;
        if (style_ == Style::Text) {
            text = cat(first ? "" : "\n", type, "\n");
            print_text(value, 2, text);
        } else {
            text = first ? "" : style_ == Style::Plain ? ", " : ",";
            text += style_ == Style::Plain ? "" : "\n        ";
            print_json(value, style_ == Style::Plain ? -1 : 8, text);
        }
        out_(text);
    }

  private:
    Style style_;
    const Out &out_;
    uint64_t count_ = 0;
};

// A queue's messages stand in the "extra" of the queue: a message, its bytes, the next message.
void show_queues(RecordWalker &walker, Style style, Entries &entries)
{
    std::optional<Value> queue;
    Value content = Value::array();
    auto print = [&] {
        if (!queue)
            return;
        if (!content.members.empty())
            queue->add("extra", std::exchange(content, Value::array()));
        entries.print("ipc_msg_entry", *queue);
    };
    for (Record record; walker.next(record);) {
        Value value = to_value(*record.message, style != Style::Plain);
        if (record.nested) {
            content.add(std::move(value));
            content.add(payload_value(Kind::IpcnsMsg, *record.message, record.payload, style));
        } else {
            print();
            queue = std::move(value);
        }
    }
    print();
}

void show_records(RecordWalker &walker, Kind kind, Style style, Entries &entries)
{
    if (kind == Kind::IpcnsMsg)
        return show_queues(walker, style, entries);
    for (Record record; walker.next(record);) {
        Value value = to_value(*record.message, style != Style::Plain);
        if (!record.payload.empty())
            value.add("extra", payload_value(kind, *record.message, record.payload, style));
        entries.print(record.message->GetDescriptor()->name().c_str(), value);
    }
}

void show_raw(const std::string &name, Kind kind, uint64_t size, Style style, const Out &out)
{
    Value value;
    value.add("file", Value::string(name));
    value.add("bytes", Value::literal(cat(size)));
    if (kind == Kind::Pages)
        value.add("pages", Value::literal(cat(size / 4096)));
    std::string text;
    if (style == Style::Text)
        print_text(value, 0, text);
    else
        print_json(value, style == Style::Plain ? -1 : 0, text);
    out(text);
    if (style != Style::Text)
        out("\n");
}

} // namespace

std::string magic_name(Kind kind)
{
    static constexpr struct {
        Kind kind;
        const char *name;
    } kIrregular[] = {
        {Kind::PagemapShmem, "PAGEMAP"}, {Kind::Memfd, "MEMFD_INODE"},
        {Kind::Filelocks, "FILE_LOCKS"}, {Kind::IpcnsVar, "IPC_VAR"},
        {Kind::Mountpoints, "MNTS"},     {Kind::StatsDump, "STATS"},
        {Kind::StatsRestore, "STATS"},   {Kind::Netlinksk, "NETLINK_SK"},
        {Kind::Eventfd, "EVENTFD_FILE"}, {Kind::Eventpoll, "EVENTPOLL_FILE"},
        {Kind::Inotify, "INOTIFY_FILE"}, {Kind::Fanotify, "FANOTIFY_FILE"},
        {Kind::Tty, "TTY_FILES"},        {Kind::Sigacts, "SIGACT"},
        {Kind::SignalShared, "SIGNAL"},  {Kind::SignalPrivate, "SIGNAL"},
    };
    for (const auto &irregular : kIrregular)
        if (irregular.kind == kind)
            return irregular.name;
    std::string out = image::entry(kind).stem;
    if (out.ends_with('-'))
        out.pop_back();
    for (char &c : out)
        c = c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return out;
}

void show_file(const Messages &messages, const std::string &path, Style style, const Out &out)
{
    std::string name = path.substr(path.rfind('/') + 1);
    Fd fd = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK);
    struct stat st = sys::stat_of(fd.get(), name);
    if (!S_ISREG(st.st_mode))
        bad_image(cat(printable(path), ": is not a regular file"));
    Kind kind = kind_of(fd.get(), name);
    if (image::entry(kind).framing == image::Framing::Raw)
        return show_raw(name, kind, static_cast<uint64_t>(st.st_size), style, out);

    image::RecordReader reader(std::move(fd), kind, name);
    bool indented = style == Style::Symbolic;
    if (style != Style::Text)
        out(indented ? cat("{\n    \"magic\": ", json_quoted(magic_name(kind)), ",\n    \"entries\": [")
                     : cat("{\"magic\": ", json_quoted(magic_name(kind)), ", \"entries\": ["));
    RecordWalker walker(messages, reader, kind);
    Entries entries(style, out);
    show_records(walker, kind, style, entries);
    if (style != Style::Text)
        out(indented ? "\n    ]\n}\n" : "]}\n");
}

} // namespace cr::show
