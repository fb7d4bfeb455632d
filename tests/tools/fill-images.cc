// fill-images DIR: one image of every kind, with every field of every message set, payload too. What reads or
// writes these knows the whole format.
#include "libcr/base/error.h"
#include "libcr/image/writer.h"
#include "libcr/show/records.h"
#include "tests/tools/rewrite.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <sys/stat.h>

using namespace cr;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using image::Kind;

namespace
{

// Fields that say how much payload follows: small, so that it can be written.
const std::set<std::string> kLengths = {"bytes",      "length",       "inq_len", "outq_len",
                                        "keys_bytes", "values_bytes", "len",     "nsems",
                                        "qnum",       "msize",        "size"};

uint64_t sample(const FieldDescriptor &field)
{
    auto n = static_cast<uint64_t>(field.number());
    if (kLengths.count(field.name()))
        return n;
    bool wide = field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64;
    return wide ? 0xfedcba9800000000 + n : 0x12345600 + n;
}

void fill(Message &message, unsigned depth);

void set_one(Message &message, const FieldDescriptor *field, unsigned depth)
{
    const auto *r = message.GetReflection();
    bool many = field->is_repeated();
    uint64_t n = sample(*field);
    std::string text = field->name() + "\xc3\xa9";
    switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
        many ? r->AddInt32(&message, field, -static_cast<int>(n))
             : r->SetInt32(&message, field, -static_cast<int>(n));
        break;
    case FieldDescriptor::CPPTYPE_UINT32:
        many ? r->AddUInt32(&message, field, static_cast<uint32_t>(n))
             : r->SetUInt32(&message, field, static_cast<uint32_t>(n));
        break;
    case FieldDescriptor::CPPTYPE_INT64:
        many ? r->AddInt64(&message, field, -static_cast<int64_t>(n))
             : r->SetInt64(&message, field, -static_cast<int64_t>(n));
        break;
    case FieldDescriptor::CPPTYPE_UINT64:
        many ? r->AddUInt64(&message, field, n) : r->SetUInt64(&message, field, n);
        break;
    case FieldDescriptor::CPPTYPE_BOOL:
        many ? r->AddBool(&message, field, true)
             : r->SetBool(&message, field, field->name() != "in_pagemaps");
        break;
    case FieldDescriptor::CPPTYPE_ENUM: {
        const auto *value = field->enum_type()->value(field->enum_type()->value_count() > 1);
        many ? r->AddEnum(&message, field, value) : r->SetEnum(&message, field, value);
        break;
    }
    case FieldDescriptor::CPPTYPE_STRING:
        many ? r->AddString(&message, field, text) : r->SetString(&message, field, text);
        break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
        if (depth || field->is_required())
            fill(many ? *r->AddMessage(&message, field) : *r->MutableMessage(&message, field),
                 depth ? depth - 1 : 0);
        break;
    default:
        break;
    }
}

void fill(Message &message, unsigned depth)
{
    for (int i = 0; i < message.GetDescriptor()->field_count(); i++) {
        const FieldDescriptor *field = message.GetDescriptor()->field(i);
        set_one(message, field, depth);
        if (field->is_repeated())
            set_one(message, field, depth);
    }
}

constexpr unsigned kDepth = 6;

void put(const show::Messages &messages, image::Writer &writer, Kind kind, const char *type, uint64_t payload)
{
    auto message = messages.make(type);
    fill(*message, kDepth);
    writer.put(*message);
    std::string bytes(show::payload_length(kind, *message).value_or(payload), 'p');
    if (kind == Kind::IpcnsSem) // padded with zeros
        std::fill(bytes.begin() + 2 * static_cast<long>(show::number(*message, "nsems")), bytes.end(), '\0');
    writer.put_raw(bytes.data(), bytes.size());
}

// The two files whose later records depend on the first.
void put_ghost(const show::Messages &messages, image::Writer &writer, bool chunks)
{
    auto head = messages.make("ghost_file_entry");
    fill(*head, kDepth);
    const auto *type = head->GetDescriptor();
    head->GetReflection()->SetUInt32(head.get(), type->FindFieldByName("mode"), S_IFREG | 0644);
    head->GetReflection()->SetBool(head.get(), type->FindFieldByName("chunks"), chunks);
    writer.put(*head);
    if (chunks) {
        put(messages, writer, Kind::GhostFile, "ghost_chunk_entry", 1);
        put(messages, writer, Kind::GhostFile, "ghost_chunk_entry", 1);
    } else {
        writer.put_raw("the content", 11);
    }
}

void put_messages(const show::Messages &messages, image::Writer &writer)
{
    auto entry = messages.make("ipc_msg_entry");
    fill(*entry, kDepth);
    writer.put(*entry);
    for (uint64_t i = show::number(*entry, "qnum"); i; i--) {
        auto message = messages.make("ipc_msg");
        fill(*message, kDepth);
        writer.put(*message);
        writer.put_raw("me\0\0\0\0\0", 8); // msize is 2
    }
}

void write(const show::Messages &messages, const image::Dir &dir, const image::Entry &e)
{
    image::Writer writer(dir, e.kind, 1);
    if (e.kind == Kind::GhostFile) {
        put_ghost(messages, writer, true);
        image::Writer plain(dir, e.kind, 2);
        put_ghost(messages, plain, false);
        plain.finish();
    } else if (e.kind == Kind::IpcnsMsg) {
        put_messages(messages, writer);
    } else {
        put(messages, writer, e.kind, e.head ? e.head : e.message, 0);
        if (e.records == image::Records::Array)
            put(messages, writer, e.kind, e.message, 0);
    }
    writer.finish();
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::fprintf(stderr, "usage: fill-images DIR\n");
        return 1;
    }
    try {
        show::Messages messages;
        image::Dir dir = image::Dir::create(argv[1]);
        for (const image::Entry &e : image::catalog())
            if (e.framing != image::Framing::Raw)
                write(messages, dir, e);
    } catch (const Error &e) {
        std::fprintf(stderr, "fill-images: %s\n", e.what());
        return 1;
    }
    return 0;
}
