#pragma once

#include <optional>
#include <string>

#include "core/container_config.h"
#include "core/fields.h"

namespace davit::api {

/// Where a storage driver keeps something. Docker Engine API: DriverData.
struct graph_driver {
    std::string name;
    std::optional<string_map> data; ///< "LowerDir", "UpperDir", "WorkDir", "MergedDir" of an overlay
};

} // namespace davit::api

template <> struct davit::fields_of<davit::api::graph_driver> {
    using self = api::graph_driver;
    static constexpr auto list = field_list{field("Data", &self::data, when_empty::null), field("Name", &self::name)};
};
