#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/fields.h"

namespace davit::api {

struct launch_phase {
    std::string phase;
    std::int64_t microseconds = 0;
};

/// GET /davit/containers/{id}/launch (Davit's own): how long each phase of the container's last start took, in order.
/// Empty when it was not started since the engine came up.
struct launch_times {
    std::string id;
    std::vector<launch_phase> phases;
    std::int64_t total_microseconds = 0;
};

} // namespace davit::api

namespace davit {

template <> struct fields_of<api::launch_phase> {
    using self = api::launch_phase;
    static constexpr auto list = field_list{field("Phase", &self::phase), field("Microseconds", &self::microseconds)};
};

template <> struct fields_of<api::launch_times> {
    using self = api::launch_times;
    static constexpr auto list = field_list{field("Id", &self::id), field("Phases", &self::phases),
                                            field("TotalMicroseconds", &self::total_microseconds)};
};

} // namespace davit
