#include "io/json_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "core/error.h"

namespace davit::io {
namespace {

namespace ondemand = simdjson::ondemand;

/// A parser and the padded copy that it reads, kept for the thread's next text unless a big one made them grow.
struct workspace {
    ondemand::parser parser;
    std::string padded;
};

constexpr std::size_t largest_kept = 256u << 10;
thread_local std::unique_ptr<workspace> spare_workspace;

class workspace_lease {
  public:
    workspace_lease() : held_{spare_workspace ? std::move(spare_workspace) : std::make_unique<workspace>()} {}
    ~workspace_lease() {
        if (held_->padded.capacity() <= largest_kept) spare_workspace = std::move(held_);
    }
    workspace_lease(const workspace_lease&) = delete;
    workspace_lease& operator=(const workspace_lease&) = delete;

    workspace* operator->() const noexcept { return held_.get(); }

  private:
    std::unique_ptr<workspace> held_;
};

std::string_view without_trailing_space(std::string_view text) {
    return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

/// RFC 8259 §6: what may stand for a number, as a whole.
bool is_number(std::string_view text) {
    const auto skip_digits = [&] {
        const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(digits);
        return digits != 0;
    };
    if (text.starts_with('-')) text.remove_prefix(1);
    if (text.starts_with('0'))
        text.remove_prefix(1);
    else if (!skip_digits())
        return false;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (!skip_digits()) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
        if (!skip_digits()) return false;
    }
    return text.empty();
}

std::string_view with_article(json_kind kind) {
    switch (kind) {
    case json_kind::null:
        return "null";
    case json_kind::boolean:
        return "a boolean";
    case json_kind::number:
        return "a number";
    case json_kind::string:
        return "a string";
    case json_kind::array:
        return "an array";
    case json_kind::object:
        return "an object";
    }
    return "nothing";
}

/// A key as part of a path: as it is when it is a plain word, else quoted, its control characters masked, cut at 64
/// bytes.
std::string path_step(std::string_view key) {
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    if (!key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), is_plain))
        return fmt::format(".{}", key);
    std::string shown{key.substr(0, 64)};
    for (char& c : shown)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '"') c = '?';
    return fmt::format("[\"{}\"]", shown);
}

} // namespace

struct json_document {
    std::string_view what;
    json_limits limits;
    ondemand::document& library;
    const char* end; // of the text in the padded copy

    /// Where the library stands; the end of the text when it has seen all of it.
    const char* position() const {
        const char* at = nullptr;
        return library.current_location().get(at) == simdjson::SUCCESS ? at : end;
    }

    [[noreturn]] void refuse(simdjson::error_code code) const {
        if (code == simdjson::CAPACITY) throw error(errc::too_large, "{}: over 4 GiB of JSON", what);
        if (code == simdjson::UTF8_ERROR) throw error(errc::invalid, "{}: the JSON is not valid UTF-8", what);
        if (code == simdjson::EMPTY) throw error(errc::invalid, "{}: expected JSON, found nothing", what);
        throw error(errc::invalid, "{}: malformed JSON", what);
    }

    /// A text whose outermost value is a scalar is read as the one element of an array around it: the library gives no
    /// value for a scalar document.
    void read_only_element(json_value& array, void* target, void (*read)(void*, json_value&)) const {
        std::size_t elements = 0;
        array.each_element([&](json_value& value) {
            if (++elements > 1) throw error(errc::invalid, "{}: something follows the JSON value", what);
            value.parent_ = nullptr;
            read(target, value);
        });
        if (elements == 0) refuse(simdjson::EMPTY);
    }

    void read_whole(void* target, void (*read)(void*, json_value&), bool is_wrapped) {
        ondemand::value value;
        if (const auto code = library.get_value().get(value); code != simdjson::SUCCESS) refuse(code);
        json_value root{*this, nullptr, &value};
        if (is_wrapped) {
            read_only_element(root, target, read);
        } else {
            read(target, root);
            if (!root.is_read_) root.skip();
        }
        if (position() != end) throw error(errc::invalid, "{}: something follows the JSON value", what);
    }
};

void read_json(std::string_view text, std::string_view what, void* target, void (*read)(void*, json_value&),
               json_limits limits) {
    const auto start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) throw error(errc::invalid, "{}: expected JSON, found nothing", what);
    const bool is_wrapped = text[start] != '{' && text[start] != '[';

    const workspace_lease space;
    auto& padded = space->padded;
    padded.clear();
    padded.reserve(text.size() + 2 + simdjson::SIMDJSON_PADDING);
    if (is_wrapped) padded += '[';
    padded += text;
    if (is_wrapped) padded += ']';

    ondemand::document library;
    const simdjson::padded_string_view view{padded.data(), padded.size(), padded.capacity()};
    const auto code = space->parser.iterate(view).get(library);
    json_document document{what, limits, library, padded.data() + padded.size()};
    if (code != simdjson::SUCCESS) document.refuse(code);
    document.read_whole(target, read, is_wrapped);
}

// The value that the library gives, by the pointer that the header keeps without knowing the type.
static ondemand::value& library_value(void* value) {
    return *static_cast<ondemand::value*>(value);
}

std::string_view json_value::token() {
    return without_trailing_space(library_value(value_).raw_json_token());
}

json_kind json_value::kind() {
    const std::string_view text = library_value(value_).raw_json_token();
    switch (text.empty() ? '\0' : text.front()) {
    case '{':
        return json_kind::object;
    case '[':
        return json_kind::array;
    case '"':
        return json_kind::string;
    case 't':
    case 'f':
        return json_kind::boolean;
    case 'n':
        if (token() == "null") return json_kind::null;
        break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return json_kind::number;
    default:
        break;
    }
    refuse_malformed();
}

void json_value::expect(json_kind wanted, std::string_view name) {
    if (const auto found = kind(); found != wanted)
        refuse(fmt::format("expected {}, found {}", name, with_article(found)));
    is_read_ = true;
}

bool json_value::boolean() {
    expect(json_kind::boolean, "a boolean");
    const auto text = token();
    if (text != "true" && text != "false") refuse_malformed();
    return text == "true";
}

namespace {

enum class number_fault { none, not_a_number, not_whole, out_of_range };

template <class Integer> number_fault read_integer(std::string_view text, Integer least, Integer most, Integer& value) {
    if (!is_number(text)) return number_fault::not_a_number;
    if (text.find_first_of(".eE") != std::string_view::npos) return number_fault::not_whole;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_negative_zero = text == "-0"; // which from_chars refuses for unsigned types
    if (is_negative_zero) value = 0;
    if ((code != std::errc{} && !is_negative_zero) || value < least || value > most) return number_fault::out_of_range;
    return number_fault::none;
}

} // namespace

std::int64_t json_value::integer(std::int64_t least, std::int64_t most) {
    expect(json_kind::number, "a whole number");
    std::int64_t value = 0;
    const auto text = token();
    switch (read_integer(text, least, most, value)) {
    case number_fault::none:
        break;
    case number_fault::not_a_number:
        refuse_malformed();
    case number_fault::not_whole:
        refuse(fmt::format("expected a whole number, found {}", text.substr(0, 64)));
    case number_fault::out_of_range:
        refuse(fmt::format("{} is not between {} and {}", text.substr(0, 64), least, most));
    }
    return value;
}

std::uint64_t json_value::unsigned_integer(std::uint64_t most) {
    expect(json_kind::number, "a whole number");
    std::uint64_t value = 0;
    const auto text = token();
    switch (read_integer(text, std::uint64_t{0}, most, value)) {
    case number_fault::none:
        break;
    case number_fault::not_a_number:
        refuse_malformed();
    case number_fault::not_whole:
        refuse(fmt::format("expected a whole number, found {}", text.substr(0, 64)));
    case number_fault::out_of_range:
        refuse(fmt::format("{} is not between 0 and {}", text.substr(0, 64), most));
    }
    return value;
}

double json_value::number() {
    expect(json_kind::number, "a number");
    const auto text = token();
    if (!is_number(text)) refuse_malformed();
    double value = 0;
    if (library_value(value_).get_double().get(value) != simdjson::SUCCESS)
        refuse(fmt::format("{} is out of range", text.substr(0, 64)));
    return value;
}

std::string_view json_value::string() {
    expect(json_kind::string, "a string");
    std::string_view text;
    if (library_value(value_).get_string().get(text) != simdjson::SUCCESS) refuse_malformed();
    return text;
}

std::string_view json_value::raw() {
    const char* start = std::string_view{library_value(value_).raw_json_token()}.data();
    const auto found = kind();
    if (found != json_kind::array && found != json_kind::object) {
        const auto text = token();
        skip();
        return text;
    }
    skip();
    const char* end = document_.position();
    return without_trailing_space({start, static_cast<std::size_t>(end - start)});
}

/// Reads the value for nothing but its grammar.
void json_value::skip() {
    switch (kind()) {
    case json_kind::null:
        is_read_ = true;
        break;
    case json_kind::boolean:
        boolean();
        break;
    case json_kind::string:
        string();
        break;
    case json_kind::array:
        each_element([](json_value&) {});
        break;
    case json_kind::object:
        each_field([](std::string_view, json_value&) {});
        break;
    case json_kind::number:
        if (!is_number(token())) refuse_malformed();
        is_read_ = true;
        break;
    }
}

void json_value::enter() {
    if (depth_ >= document_.limits.depth) refuse(fmt::format("nested deeper than {} levels", document_.limits.depth));
}

void json_value::visit_child(json_value& child, visitor visit, std::string_view key) {
    visit.call(visit.to, key, child);
    if (!child.is_read_) child.skip();
}

void json_value::walk_object(visitor visit) {
    expect(json_kind::object, "an object");
    enter();
    ondemand::object object;
    if (library_value(value_).get_object().get(object) != simdjson::SUCCESS) refuse_malformed();
    for (auto result : object) {
        ondemand::field field;
        std::string_view key;
        if (std::move(result).get(field) != simdjson::SUCCESS || field.unescaped_key().get(key) != simdjson::SUCCESS)
            refuse_malformed();
        json_value child{document_, this, &field.value()};
        child.key_ = key;
        visit_child(child, visit, key);
    }
}

void json_value::walk_array(visitor visit) {
    expect(json_kind::array, "an array");
    enter();
    ondemand::array array;
    if (library_value(value_).get_array().get(array) != simdjson::SUCCESS) refuse_malformed();
    std::size_t index = 0;
    for (auto result : array) {
        ondemand::value value;
        if (std::move(result).get(value) != simdjson::SUCCESS) refuse_malformed();
        json_value child{document_, this, &value};
        child.index_ = index++;
        visit_child(child, visit, {});
    }
}

void json_value::refuse(std::string_view reason) const {
    std::string path;
    for (const auto* at = this; at->parent_ != nullptr; at = at->parent_)
        path.insert(0, at->index_ != no_index ? fmt::format("[{}]", at->index_) : path_step(at->key_));
    if (path.starts_with('.')) path.erase(0, 1);
    throw error(errc::invalid, "{}: {}{}{}", document_.what, path, path.empty() ? "" : ": ", reason);
}

void json_value::refuse_malformed() const {
    refuse("malformed JSON");
}

} // namespace davit::io
