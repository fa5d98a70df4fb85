// Any bytes as JSON: read into every form that there is, or refused with an error; what was read writes and reads back.
#include <cstdint>
#include <cstdlib>

#include "core/error.h"
#include "io/json.h"

namespace {

struct node {
    std::string text;
    std::optional<double> number;
    std::int32_t whole = 0;
    std::uint64_t natural = 0;
    bool flag = false;
    std::vector<node> children;
    std::map<std::string, std::vector<std::string>> names;
    std::map<std::string, davit::empty_object> set;
    davit::raw_json raw;
    std::chrono::system_clock::time_point when;
};

} // namespace

template <> struct davit::fields_of<node> {
    static constexpr field_list list{field("a", &node::text),  field("b", &node::number),
                                     field("c", &node::whole), field("d", &node::natural),
                                     field("e", &node::flag),  field("f", &node::children, when_empty::omit),
                                     field("g", &node::names), field("h", &node::set, when_empty::null),
                                     field("i", &node::raw),   field("j", &node::when)};
};

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try {
        const auto written = davit::io::to_json(davit::io::parse<node>(text, "input"));
        if (davit::io::to_json(davit::io::parse<node>(written, "written")) != written) std::abort();
    } catch (const davit::error&) {
    }
    try {
        const auto raw = davit::io::parse<davit::raw_json>(text, "input");
        if (davit::io::parse<davit::raw_json>(raw.text, "raw") != raw) std::abort();
    } catch (const davit::error&) {
    }
    return 0;
}
