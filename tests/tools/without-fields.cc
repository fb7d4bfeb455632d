// without-fields DIR LIST: takes fields out of every image in DIR, wherever their message stands: those named
// in the file LIST (a line each, MESSAGE.FIELD, # begins a comment), our own from 5000 up, and those that no
// message has. What is left is what an older reader knows.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "tests/tools/rewrite.h"

#include <cstdio>
#include <fstream>
#include <set>

using namespace cr;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace
{

constexpr int kFirstOwn = 5000;

std::set<std::string> read_list(const char *path)
{
    std::ifstream in(path);
    if (!in)
        failed(cat("open ", path));
    std::set<std::string> out;
    for (std::string line; std::getline(in, line);) {
        std::string_view rest = line;
        std::string_view name = trim(take_until(rest, '#'));
        if (!name.empty())
            out.emplace(name);
    }
    return out;
}

void strip(Message &message, const std::set<std::string> &names)
{
    const auto *r = message.GetReflection();
    std::vector<const FieldDescriptor *> fields;
    r->ListFields(message, &fields);
    for (const FieldDescriptor *field : fields) {
        if (field->number() >= kFirstOwn ||
            names.count(cat(field->containing_type()->name(), ".", field->name())))
            r->ClearField(&message, field);
        else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && field->is_repeated())
            for (int i = 0; i < r->FieldSize(message, field); i++)
                strip(*r->MutableRepeatedMessage(&message, field, i), names);
        else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
            strip(*r->MutableMessage(&message, field), names);
    }
    message.DiscardUnknownFields();
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: without-fields DIR LIST\n");
        return 1;
    }
    try {
        show::Messages messages;
        auto names = read_list(argv[2]);
        image::Dir dir = image::Dir::open(argv[1]);
        for (const auto &file : dir.files())
            if (image::entry(file.kind).framing != image::Framing::Raw)
                test::rewrite(messages, dir, file.kind, file.id,
                              [&](Message &message) { strip(message, names); });
    } catch (const Error &e) {
        std::fprintf(stderr, "without-fields: %s\n", e.what());
        return 1;
    }
    return 0;
}
