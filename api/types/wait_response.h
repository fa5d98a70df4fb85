#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/fields.h"

namespace davit::api {

struct wait_error {
    std::string message;
};

/// The answer to POST /containers/{id}/wait. Docker Engine API: ContainerWaitResponse.
struct wait_response {
    std::optional<wait_error> error;
    std::int64_t status_code = 0;
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::wait_error> {
    static constexpr auto list = field_list{field("Message", &api::wait_error::message, when_empty::omit)};
};

template <> struct fields_of<api::wait_response> {
    using self = api::wait_response;
    static constexpr auto list =
        field_list{field("Error", &self::error, when_empty::omit), field("StatusCode", &self::status_code)};
};

} // namespace davit
