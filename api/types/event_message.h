#pragma once

#include <cstdint>
#include <string>

#include "core/container_config.h"
#include "core/fields.h"

namespace davit::api {

struct event_actor {
    std::string id;
    string_map attributes;
};

/// One line of GET /events. Docker Engine API: EventMessage; `status`, `id` and `from` are what clients before actors
/// read, written up to v1.51 for containers and images.
struct event_message {
    std::string status;
    std::string id;
    std::string from;
    std::string type;
    std::string action;
    event_actor actor;
    std::string scope = "local";
    std::int64_t time = 0;      ///< Unix seconds
    std::int64_t time_nano = 0; ///< The same in nanoseconds
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::event_actor> {
    using self = api::event_actor;
    static constexpr auto list = field_list{field("ID", &self::id), field("Attributes", &self::attributes)};
};

template <> struct fields_of<api::event_message> {
    using self = api::event_message;
    static constexpr auto list = field_list{field("status", &self::status, when_empty::omit),
                                            field("id", &self::id, when_empty::omit),
                                            field("from", &self::from, when_empty::omit),
                                            field("Type", &self::type),
                                            field("Action", &self::action),
                                            field("Actor", &self::actor),
                                            field("scope", &self::scope),
                                            field("time", &self::time),
                                            field("timeNano", &self::time_nano)};
};

} // namespace davit
