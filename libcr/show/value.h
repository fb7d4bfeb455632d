// A message as a tree of names and texts, ready to be printed as JSON or as indented text.
#pragma once

#include "libcr/show/descriptors.h"

#include <string>
#include <utility>
#include <vector>

namespace cr::show
{

struct Value {
    enum class Type {
        Object,
        Array,   // members without names
        String,  // `text` is quoted
        Literal, // `text` is a number, true or false
    };
    Type type = Type::Object;
    std::string text;
    std::vector<std::pair<std::string, Value>> members;

    static Value string(std::string text) { return {Type::String, std::move(text), {}}; }
    static Value literal(std::string text) { return {Type::Literal, std::move(text), {}}; }
    static Value array() { return {Type::Array, {}, {}}; }
    void add(std::string name, Value value) { members.emplace_back(std::move(name), std::move(value)); }
    void add(Value value) { members.emplace_back(std::string(), std::move(value)); }
};

// The fields that are set, in the order of their numbers. `symbolic`: addresses in hex, flags by name. Bytes
// are base64 and socket names quoted-printable, as crit has them. Fields that we do not know stand under
// their number.
Value to_value(const Message &message, bool symbolic);

std::string base64(std::string_view bytes);

// indent < 0: on one line.
void print_json(const Value &value, int indent, std::string &out);
void print_text(const Value &value, int indent, std::string &out);

} // namespace cr::show
