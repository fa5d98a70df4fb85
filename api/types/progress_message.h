#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/fields.h"

namespace davit::api {

struct progress_detail {
    std::int64_t current = 0;
    std::int64_t total = 0;
};

struct error_detail {
    std::int64_t code = 0;
    std::string message;
};

/// One line of a progress stream (POST /images/create). Docker Engine API: CreateImageInfo.
struct progress_message {
    std::string status;
    std::optional<progress_detail> detail; ///< {} on a layer's line without amounts
    std::string progress;                  ///< The bar, drawn
    std::string id;
    std::optional<error_detail> failure;
    std::string error;
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::progress_detail> {
    using self = api::progress_detail;
    static constexpr auto list =
        field_list{field("current", &self::current, when_empty::omit), field("total", &self::total, when_empty::omit)};
};

template <> struct fields_of<api::error_detail> {
    using self = api::error_detail;
    static constexpr auto list =
        field_list{field("code", &self::code, when_empty::omit), field("message", &self::message)};
};

template <> struct fields_of<api::progress_message> {
    using self = api::progress_message;
    static constexpr auto list = field_list{field("status", &self::status, when_empty::omit),
                                            field("progressDetail", &self::detail, when_empty::omit),
                                            field("progress", &self::progress, when_empty::omit),
                                            field("id", &self::id, when_empty::omit),
                                            field("errorDetail", &self::failure, when_empty::omit),
                                            field("error", &self::error, when_empty::omit)};
};

} // namespace davit
