#include "io/json_writer.h"

#include <cmath>

// The library's empty stack adds an offset to a null pointer before it compares, which UBSan stops at.
#pragma clang attribute push(__attribute__((no_sanitize("pointer-overflow"))), apply_to = function)
#include <rapidjson/writer.h>
#pragma clang attribute pop
#include <simdjson.h>

#include "core/error.h"

namespace davit::io {
namespace {

struct string_sink {
    using Ch = char;
    std::string& out;

    void Put(char c) { out.push_back(c); }
    void Flush() {}
};

/// The length of the UTF-8 sequence that `text` begins with, 0 when it is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t at) -> unsigned {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
    };
    const auto continues = [&](std::size_t at) { return (byte(at) & 0xC0) == 0x80; };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
        return continues(1) && continues(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
        return continues(1) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

std::string with_replacements(std::string_view text) {
    std::string clean;
    clean.reserve(text.size() + 16);
    while (!text.empty()) {
        const auto length = sequence_length(text);
        if (length == 0)
            clean += "\xEF\xBF\xBD";
        else
            clean += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return clean;
}

/// Calls `write` with the text, or with a cleaned copy when it is not UTF-8.
template <class Write> void with_utf8(std::string_view text, Write write) {
    if (text.empty()) return write(std::string_view{""}); // the library wants a pointer even for no bytes
    if (simdjson::validate_utf8(text.data(), text.size())) return write(text);
    write(std::string_view{with_replacements(text)});
}

rapidjson::SizeType size_of(std::string_view text) {
    if (text.size() > 0xFFFF'FFFFu)
        throw error(errc::too_large, "a text of {} bytes is too long for a JSON string", text.size());
    return static_cast<rapidjson::SizeType>(text.size());
}

} // namespace

struct json_writer::state {
    explicit state(std::string& out) : sink{out}, writer{sink} {}

    string_sink sink;
    rapidjson::Writer<string_sink> writer;
};

json_writer::json_writer(std::string& out) : state_{std::make_unique<state>(out)} {}
json_writer::~json_writer() = default;

void json_writer::begin_object() {
    state_->writer.StartObject();
}
void json_writer::end_object() {
    state_->writer.EndObject();
}
void json_writer::begin_array() {
    state_->writer.StartArray();
}
void json_writer::end_array() {
    state_->writer.EndArray();
}
void json_writer::null() {
    state_->writer.Null();
}
void json_writer::boolean(bool value) {
    state_->writer.Bool(value);
}
void json_writer::integer(std::int64_t value) {
    state_->writer.Int64(value);
}
void json_writer::unsigned_integer(std::uint64_t value) {
    state_->writer.Uint64(value);
}

void json_writer::key(std::string_view name) {
    with_utf8(name, [&](std::string_view clean) { state_->writer.Key(clean.data(), size_of(clean)); });
}

void json_writer::string(std::string_view value) {
    with_utf8(value, [&](std::string_view clean) { state_->writer.String(clean.data(), size_of(clean)); });
}

void json_writer::number(double value) {
    constexpr double exact = 9'007'199'254'740'992.0; // 2^53: every whole number up to here has its own double
    if (!std::isfinite(value)) throw error(errc::internal, "{} can't be written as JSON", value);
    if (value == std::floor(value) && std::fabs(value) <= exact)
        state_->writer.Int64(static_cast<std::int64_t>(value));
    else
        state_->writer.Double(value);
}

void json_writer::raw(std::string_view text) {
    if (text.empty()) return null();
    state_->writer.RawValue(text.data(), text.size(), rapidjson::kObjectType);
}

} // namespace davit::io
