#include "modules/registry/registry_errors.h"

#include <tuple>
#include <vector>

#include "core/fields.h"
#include "io/json.h"

namespace davit {

namespace {

struct error_entry {
    std::string code;
    std::string message;
};
struct error_list {
    std::vector<error_entry> errors;
};

} // namespace

template <> struct fields_of<error_entry> {
    static constexpr auto list = std::tuple{field("code", &error_entry::code), field("message", &error_entry::message)};
};
template <> struct fields_of<error_list> {
    static constexpr auto list = std::tuple{field("errors", &error_list::errors)};
};

io::http_response registry_error::response() const {
    io::http_response made;
    made.head.status = status_;
    made.head.headers.add("Content-Type", "application/json");
    made.body = io::to_json(error_list{{{std::string{code_}, text()}}});
    return made;
}

} // namespace davit
