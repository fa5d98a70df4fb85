#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/fields.h"
#include "io/json_reader.h"
#include "io/json_writer.h"

namespace davit::io {

// What a type's description becomes: tables of plain function pointers that two small walks (json_table.cpp) follow, so
// that a described type costs the compiler a table and not a reader and a writer of its own. io/json.h makes the
// tables.

/// How values of one type are read and written. `self` is the table itself, in the derived form that made it.
struct json_type {
    void (*read)(const json_type& self, json_value& from, void* to);
    void (*write)(const json_type& self, json_writer& to, const void* from);
    bool (*is_empty)(const void* value); ///< nullptr: never
};

struct json_field {
    std::string_view name;
    const json_type* type;
    void* (*member)(void* owner);
    when_empty empty;
};

struct json_object_type : json_type {
    const json_field* fields;
    std::size_t count;
};

struct json_list_type : json_type {
    const json_type* element;
    void (*clear)(void* list);
    void* (*append)(void* list);
    std::size_t (*size)(const void* list);
    const void* (*at)(const void* list, std::size_t index);
};

struct json_map_type : json_type {
    using visit = void (*)(void* context, std::string_view key, const void* value);

    const json_type* value;
    void* (*at)(void* map, std::string_view key);
    void (*each)(const void* map, void* context, visit call);
};

struct json_optional_type : json_type {
    const json_type* value;
    void* (*emplace)(void* optional);
    void (*reset)(void* optional);
    const void* (*get)(const void* optional); ///< nullptr when there is no value
};

struct json_name {
    std::string_view text;
    long long value;
};

struct json_enum_type : json_type {
    const json_name* names;
    std::size_t count;
    void (*set)(void* value, long long number);
    long long (*get)(const void* value);
};

void read_object(const json_type& self, json_value& from, void* to);
void write_object(const json_type& self, json_writer& to, const void* from);
void read_list(const json_type& self, json_value& from, void* to);
void write_list(const json_type& self, json_writer& to, const void* from);
void read_map(const json_type& self, json_value& from, void* to);
void write_map(const json_type& self, json_writer& to, const void* from);
void read_optional(const json_type& self, json_value& from, void* to);
void write_optional(const json_type& self, json_writer& to, const void* from);
void read_enum(const json_type& self, json_value& from, void* to);
void write_enum(const json_type& self, json_writer& to, const void* from);

/// Reads a string and gives it to `assign`, whose refusal gets the value's path.
void read_text(json_value& from, void* to, void (*assign)(void* to, std::string_view text));

// The types without a description.
extern const json_type json_bool;
extern const json_type json_double;
extern const json_type json_string;
extern const json_type json_raw;
extern const json_type json_time;        ///< std::chrono::system_clock::time_point as RFC 3339
extern const json_type json_nanoseconds; ///< std::chrono::nanoseconds as their number

} // namespace davit::io
