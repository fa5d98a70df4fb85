#pragma once

#include <string>

#include "core/fields.h"

namespace davit::api {

/// Something mounted in a container. Docker Engine API: MountPoint.
struct mount_point {
    std::string type; ///< "bind", "volume", "tmpfs"
    std::string name;
    std::string source;
    std::string destination;
    std::string driver;
    std::string mode;
    bool is_writable = true;
    std::string propagation;
};

} // namespace davit::api

template <> struct davit::fields_of<davit::api::mount_point> {
    using self = api::mount_point;
    static constexpr auto list = field_list{field("Type", &self::type),
                                            field("Name", &self::name, when_empty::omit),
                                            field("Source", &self::source),
                                            field("Destination", &self::destination),
                                            field("Driver", &self::driver, when_empty::omit),
                                            field("Mode", &self::mode),
                                            field("RW", &self::is_writable),
                                            field("Propagation", &self::propagation)};
};
