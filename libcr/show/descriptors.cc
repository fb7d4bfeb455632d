#include "libcr/show/descriptors.h"

#include "libcr/base/error.h"
#include "libcr/base/text.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/stubs/logging.h>

extern "C" const char cr_images_desc[], cr_images_desc_end[];

namespace cr::show
{

Messages::Messages()
{
    // It would complain on stderr about names of files that are not UTF-8.
    google::protobuf::SetLogHandler(nullptr);
    google::protobuf::FileDescriptorSet set;
    if (!set.ParseFromArray(cr_images_desc, static_cast<int>(cr_images_desc_end - cr_images_desc)))
        failed_with(0, "read the descriptors of the image messages");
    for (const auto &file : set.file())
        if (!pool_.BuildFile(file))
            failed_with(0, cat("use the descriptors of ", file.name()));
}

const Descriptor *Messages::find(const std::string &name) const
{
    return pool_.FindMessageTypeByName("cr.img." + name);
}

std::unique_ptr<Message> Messages::make(const std::string &name) const
{
    const Descriptor *descriptor = find(name);
    if (!descriptor)
        failed_with(0, cat("find the image message ", name));
    return std::unique_ptr<Message>(factory_.GetPrototype(descriptor)->New());
}

uint64_t number(const Message &message, const char *name)
{
    const FieldDescriptor *field = message.GetDescriptor()->FindFieldByName(name);
    const auto *reflection = message.GetReflection();
    if (!field || field->is_repeated())
        return 0;
    switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
        return static_cast<uint64_t>(reflection->GetInt32(message, field));
    case FieldDescriptor::CPPTYPE_UINT32:
        return reflection->GetUInt32(message, field);
    case FieldDescriptor::CPPTYPE_INT64:
        return static_cast<uint64_t>(reflection->GetInt64(message, field));
    case FieldDescriptor::CPPTYPE_UINT64:
        return reflection->GetUInt64(message, field);
    case FieldDescriptor::CPPTYPE_BOOL:
        return reflection->GetBool(message, field);
    case FieldDescriptor::CPPTYPE_ENUM:
        return static_cast<uint64_t>(reflection->GetEnumValue(message, field));
    default:
        return 0;
    }
}

} // namespace cr::show
