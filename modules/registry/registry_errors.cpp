#include "modules/registry/registry_errors.h"

#include <cerrno>
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
    static constexpr auto list = field_list{field("code", &error_entry::code), field("message", &error_entry::message)};
};
template <> struct fields_of<error_list> {
    static constexpr auto list = field_list{field("errors", &error_list::errors)};
};

io::http_response registry_error::response() const {
    io::http_response made;
    made.head.status = status_;
    made.head.headers.add("Content-Type", "application/json");
    made.body = io::to_json(error_list{{{std::string{code_}, text()}}});
    return made;
}

bool is_full_disk(const error& failure) noexcept {
    return failure.system_errno() == ENOSPC || failure.system_errno() == EDQUOT;
}

registry_error refusal_of(const error& failure, unsigned status) {
    if (is_full_disk(failure)) return {507, "UNAVAILABLE", "the registry's disk is full: " + failure.text()};
    const auto unless_told = [status](unsigned usual) { return status == 500 ? usual : status; };
    switch (failure.category()) {
    case errc::invalid:
        return {unless_told(400), "MANIFEST_INVALID", failure.text()};
    case errc::too_large:
        return {unless_told(413), "SIZE_INVALID", failure.text()};
    case errc::unavailable:
        return {unless_told(429), "TOOMANYREQUESTS", failure.text()};
    default:
        return {status, "UNKNOWN", failure.text()};
    }
}

} // namespace davit
