// Image messages with their names. The library's own messages are generated for protobuf's lite runtime,
// which starts fast and knows no field names; to print or edit any message, the descriptors that protoc wrote
// are carried as data, and dynamic messages are made from them. Needs the full runtime: this folder is a
// library of its own, linked by cr-show and by test tools only.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>
#include <memory>
#include <string>

namespace cr::show
{

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

class Messages
{
  public:
    Messages();
    // By the name that the catalog has: "core_entry".
    const Descriptor *find(const std::string &name) const;
    std::unique_ptr<Message> make(const std::string &name) const;

  private:
    google::protobuf::DescriptorPool pool_;
    mutable google::protobuf::DynamicMessageFactory factory_;
};

// A field of whole-number type by its name; 0 when it is not set.
uint64_t number(const Message &message, const char *field);

} // namespace cr::show
