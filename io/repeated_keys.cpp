#include "io/repeated_keys.h"

#include <functional>
#include <set>
#include <string>

#include "io/json_reader.h"

namespace davit::io {

namespace {

void refuse_repeats_in(json_value& value) {
    switch (value.kind()) {
    case json_kind::object: {
        std::set<std::string, std::less<>> seen;
        value.each_field([&](std::string_view key, json_value& member) {
            if (!seen.emplace(key).second) member.refuse("the key is there twice");
            refuse_repeats_in(member);
        });
        break;
    }
    case json_kind::array:
        value.each_element([](json_value& element) { refuse_repeats_in(element); });
        break;
    default:
        break;
    }
}

} // namespace

void refuse_repeated_keys(std::string_view json, std::string_view what) {
    read_json(json, what, nullptr, [](void*, json_value& value) { refuse_repeats_in(value); }, {});
}

} // namespace davit::io
