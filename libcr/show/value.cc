#include "libcr/show/value.h"

#include "libcr/base/json.h"
#include "libcr/base/text.h"
#include "libcr/show/format.h"

#include <google/protobuf/unknown_field_set.h>

namespace cr::show
{

namespace
{

using google::protobuf::Reflection;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

template <class Int> Value number_value(const FieldDescriptor &field, Int value, bool as_symbol)
{
    if (as_symbol)
        if (auto text = symbolic(field, static_cast<uint64_t>(value)))
            return Value::string(*text);
    return Value::literal(cat(value));
}

// One value of the field: that at `index` of a repeated one, the only one for index -1.
Value one(const Message &message, const FieldDescriptor &field, int index, bool as_symbol)
{
    const Reflection &r = *message.GetReflection();
    auto get = [&](auto single, auto repeated) {
        return index < 0 ? (r.*single)(message, &field) : (r.*repeated)(message, &field, index);
    };
    switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
        return number_value(field, get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32), as_symbol);
    case FieldDescriptor::CPPTYPE_INT64:
        return number_value(field, get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64), as_symbol);
    case FieldDescriptor::CPPTYPE_UINT32:
        return number_value(field, get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32), as_symbol);
    case FieldDescriptor::CPPTYPE_UINT64:
        return number_value(field, get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64), as_symbol);
    case FieldDescriptor::CPPTYPE_BOOL:
        return Value::literal(get(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true" : "false");
    case FieldDescriptor::CPPTYPE_ENUM:
        return Value::string(get(&Reflection::GetEnum, &Reflection::GetRepeatedEnum)->name());
    case FieldDescriptor::CPPTYPE_STRING: {
        std::string text = get(&Reflection::GetString, &Reflection::GetRepeatedString);
        if (field.full_name() == "cr.img.unix_sk_entry.name")
            return Value::string(quoted_printable(text));
        return Value::string(field.type() == FieldDescriptor::TYPE_BYTES ? base64(text) : text);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
        return to_value(index < 0 ? r.GetMessage(message, &field)
                                  : r.GetRepeatedMessage(message, &field, index),
                        as_symbol);
    default:
        return Value::string("?");
    }
}

Value many(const Message &message, const FieldDescriptor &field, bool as_symbol)
{
    const Reflection &r = *message.GetReflection();
    Value out = Value::array();
    int n = r.FieldSize(message, &field);
    if (as_symbol && is_ip_address(field)) {
        std::vector<uint32_t> words;
        for (int i = 0; i < n; i++)
            words.push_back(r.GetRepeatedUInt32(message, &field, i));
        out.add(Value::string(ip_address(words)));
        return out;
    }
    for (int i = 0; i < n; i++)
        out.add(one(message, field, i, as_symbol));
    return out;
}

Value unknown(const UnknownField &field)
{
    switch (field.type()) {
    case UnknownField::TYPE_VARINT:
        return Value::literal(cat(field.varint()));
    case UnknownField::TYPE_FIXED32:
        return Value::literal(cat(field.fixed32()));
    case UnknownField::TYPE_FIXED64:
        return Value::literal(cat(field.fixed64()));
    case UnknownField::TYPE_LENGTH_DELIMITED:
        return Value::string(base64(field.length_delimited()));
    default:
        return Value::string("?");
    }
}

void indent_by(int indent, std::string &out) { out.append(static_cast<size_t>(indent), ' '); }

} // namespace

Value Value::string(std::string text) { return {Type::String, std::move(text), {}}; }

Value Value::literal(std::string text) { return {Type::Literal, std::move(text), {}}; }

Value Value::array() { return {Type::Array, {}, {}}; }

void Value::add(std::string name, Value value) { members.push_back({std::move(name), std::move(value)}); }

void Value::add(Value value) { members.push_back({{}, std::move(value)}); }

Value to_value(const Message &message, bool symbolic)
{
    const Reflection &r = *message.GetReflection();
    std::vector<const FieldDescriptor *> fields;
    r.ListFields(message, &fields);
    Value out;
    for (const FieldDescriptor *field : fields)
        out.add(field->name(),
                field->is_repeated() ? many(message, *field, symbolic) : one(message, *field, -1, symbolic));
    const UnknownFieldSet &set = r.GetUnknownFields(message);
    for (int i = 0; i < set.field_count(); i++)
        out.add(cat("field ", set.field(i).number()), unknown(set.field(i)));
    return out;
}

std::string base64(std::string_view bytes)
{
    static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t word = 0;
        for (size_t j = 0; j < 3; j++)
            word = word << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        for (size_t j = 0; j < 4; j++)
            out += i + j > bytes.size() ? '=' : kDigits[word >> (18 - 6 * j) & 63];
    }
    return out;
}

std::string quoted_printable(std::string_view bytes)
{
    static constexpr char kDigits[] = "0123456789ABCDEF";
    std::string out;
    for (unsigned char c : bytes) {
        if (c >= 0x20 && c < 0x7f && c != '=')
            out += static_cast<char>(c);
        else
            out += {'=', kDigits[c >> 4], kDigits[c & 15]};
    }
    return out;
}

void print_json(const Value &value, int indent, std::string &out)
{
    if (value.type == Value::Type::Literal) {
        out += value.text;
        return;
    }
    if (value.type == Value::Type::String) {
        out += json_quoted(value.text);
        return;
    }
    bool object = value.type == Value::Type::Object;
    out += object ? '{' : '[';
    int inner = indent < 0 ? -1 : indent + 4;
    for (size_t i = 0; i < value.members.size(); i++) {
        out += i == 0 ? "" : indent < 0 ? ", " : ",";
        if (indent >= 0) {
            out += '\n';
            indent_by(inner, out);
        }
        if (object)
            out += json_quoted(value.members[i].name) + ": ";
        print_json(value.members[i].value, inner, out);
    }
    if (indent >= 0 && !value.members.empty()) {
        out += '\n';
        indent_by(indent, out);
    }
    out += object ? '}' : ']';
}

// name: value, one to a line; objects indented below their name, arrays of numbers on one line.
void print_text(const Value &value, int indent, std::string &out)
{
    for (const auto &[name, member] : value.members) {
        bool plain = member.type == Value::Type::String || member.type == Value::Type::Literal;
        indent_by(indent, out);
        if (plain) {
            out += cat(name, name.empty() ? "" : ": ", printable(member.text), "\n");
            continue;
        }
        bool row = member.type == Value::Type::Array;
        for (const auto &[unused, item] : member.members)
            row = row && (item.type == Value::Type::String || item.type == Value::Type::Literal);
        out += name.empty() ? "-" : cat(name, ":");
        if (row)
            for (const auto &[unused, item] : member.members)
                out += cat(" ", printable(item.text));
        out += '\n';
        if (!row)
            print_text(member, indent + 2, out);
    }
}

} // namespace cr::show
