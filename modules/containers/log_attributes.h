#pragma once

#include <string>
#include <vector>

#include "core/container_config.h"
#include "core/container_service.h"

namespace davit {

/// The options of a log configuration that are the driver's own. The others (labels, labels-regex, env, env-regex, tag)
/// choose what of a container goes into each record, are the same for all drivers, and are resolved here.
string_map driver_options(const string_map& options);

/// Refuses options that choose attributes and can't be right (errc::invalid).
void check_attribute_options(const string_map& options);

/// What each record of this container's log says beside the output: the labels and variables that the options choose,
/// and the tag.
string_map chosen_log_attributes(const container_record& of, const string_map& options);

} // namespace davit
