#pragma once

#include <string>

#include "core/fields.h"

namespace davit::api {

/// Every error of the API. Docker Engine API: ErrorResponse.
struct error_message {
    std::string message;
};

} // namespace davit::api

template <> struct davit::fields_of<davit::api::error_message> {
    static constexpr auto list = field_list{field("message", &api::error_message::message)};
};
