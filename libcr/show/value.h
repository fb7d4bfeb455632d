// A message as a tree of names and texts, ready to be printed as JSON or as indented text.
#pragma once

#include "libcr/show/descriptors.h"

#include <string>
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
    struct Member;
    std::vector<Member> members;

    static Value string(std::string text);
    static Value literal(std::string text);
    static Value array();
    void add(std::string name, Value value);
    void add(Value value);
};

struct Value::Member {
    std::string name;
    Value value;
};

// The fields that are set, in the order of their numbers. `symbolic`: addresses in hex, flags by name. Bytes
// are base64 and socket names quoted-printable, as crit has them. Fields that we do not know stand under
// their number.
Value to_value(const Message &message, bool symbolic);

std::string base64(std::string_view bytes);
// The name of a socket may begin with, or have, a zero byte.
std::string quoted_printable(std::string_view bytes);

// indent < 0: on one line.
void print_json(const Value &value, int indent, std::string &out);
void print_text(const Value &value, int indent, std::string &out);

} // namespace cr::show
