// drop-field DIR KIND[.FIELD[.SUB]...]...: rewrites every image of that kind in DIR with the field cleared,
// so that a test can show that the restored program needs it. `files.reg.pos` is the position of every
// regular file; a field inside of a repeated one is cleared in each. A required field becomes zero, a
// repeated one empty. A kind alone removes its files.
//
// Exit status: 0, 1 with a message for a path that no message has, 2 when a field was set nowhere.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/sys/file.h"
#include "tests/tools/rewrite.h"

#include <cstdio>
#include <vector>

using namespace cr;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace
{

std::vector<std::string> split(std::string_view path)
{
    std::vector<std::string> out;
    while (!path.empty())
        out.emplace_back(take_until(path, '.'));
    return out;
}

image::Kind kind_named(const std::string &name)
{
    for (const image::Entry &e : image::catalog())
        if (test::kind_name(e.kind) == name)
            return e.kind;
    usage(cat("no kind of image is called ", name));
}

// Throws when the path leads nowhere: a typing error must not look like a field that is not set.
void check_path(const Descriptor *type, const std::vector<std::string> &path)
{
    for (size_t i = 1; i < path.size(); i++) {
        const FieldDescriptor *field = type ? type->FindFieldByName(path[i]) : nullptr;
        if (!field)
            usage(cat("no field ", path[i], " in ", type ? type->name() : path[i - 1]));
        type = field->message_type();
    }
}

// Zero for every required field, in messages within too.
void zero(Message &message)
{
    const auto *r = message.GetReflection();
    for (int i = 0; i < message.GetDescriptor()->field_count(); i++) {
        const FieldDescriptor *field = message.GetDescriptor()->field(i);
        if (!field->is_required())
            continue;
        switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32:
            r->SetInt32(&message, field, 0);
            break;
        case FieldDescriptor::CPPTYPE_UINT32:
            r->SetUInt32(&message, field, 0);
            break;
        case FieldDescriptor::CPPTYPE_INT64:
            r->SetInt64(&message, field, 0);
            break;
        case FieldDescriptor::CPPTYPE_UINT64:
            r->SetUInt64(&message, field, 0);
            break;
        case FieldDescriptor::CPPTYPE_BOOL:
            r->SetBool(&message, field, false);
            break;
        case FieldDescriptor::CPPTYPE_ENUM:
            r->SetEnumValue(&message, field, field->enum_type()->value(0)->number());
            break;
        case FieldDescriptor::CPPTYPE_MESSAGE:
            zero(*r->MutableMessage(&message, field));
            break;
        default:
            r->SetString(&message, field, "");
        }
    }
}

// The number of fields that were set and are not any more.
int drop(Message &message, const std::vector<std::string> &path, size_t at)
{
    const auto *r = message.GetReflection();
    const FieldDescriptor *field = message.GetDescriptor()->FindFieldByName(path[at]);
    if (!field || (field->is_repeated() ? r->FieldSize(message, field) == 0 : !r->HasField(message, field)))
        return 0;
    if (at + 1 == path.size()) {
        std::string before = message.SerializePartialAsString();
        r->ClearField(&message, field);
        if (field->is_required()) {
            std::unique_ptr<Message> empty(message.New());
            zero(*empty);
            empty->MergeFrom(message);
            message.GetReflection()->Swap(&message, empty.get());
        }
        return message.SerializePartialAsString() != before;
    }
    if (!field->is_repeated())
        return drop(*r->MutableMessage(&message, field), path, at + 1);
    int count = 0;
    for (int i = 0; i < r->FieldSize(message, field); i++)
        count += drop(*r->MutableRepeatedMessage(&message, field, i), path, at + 1);
    return count;
}

int drop_everywhere(const show::Messages &messages, const image::Dir &dir,
                    const std::vector<std::string> &path)
{
    image::Kind kind = kind_named(path.at(0));
    const image::Entry &e = image::entry(kind);
    int count = 0;
    if (path.size() > 1) {
        // Of the first record, which may be another message, or of all others.
        const Descriptor *head = e.head ? messages.find(e.head) : nullptr;
        const Descriptor *type = e.message ? messages.find(e.message) : nullptr;
        check_path(head && head->FindFieldByName(path[1]) ? head : type, path);
    }
    for (const auto &file : dir.files()) {
        if (file.kind != kind)
            continue;
        if (path.size() == 1)
            count += sys::unlink_at(dir.fd(), file.name.c_str()) == 0;
        else
            test::rewrite(messages, dir, kind, file.id,
                          [&](Message &message) { count += drop(message, path, 1); });
    }
    return count;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc < 3) {
        std::fprintf(stderr, "usage: drop-field DIR KIND[.FIELD[.SUB]...]...\n");
        return 1;
    }
    try {
        show::Messages messages;
        image::Dir dir = image::Dir::open(argv[1]);
        for (int i = 2; i < argc; i++)
            if (drop_everywhere(messages, dir, split(argv[i])) == 0) {
                std::fprintf(stderr, "drop-field: %s is set nowhere in %s\n", argv[i], argv[1]);
                return 2;
            }
    } catch (const Error &e) {
        std::fprintf(stderr, "drop-field: %s\n", e.what());
        return 1;
    }
    return 0;
}
