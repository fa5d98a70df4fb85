#pragma once

#include "api/api_version.h"
#include "api/filters.h"
#include "api/types/event_message.h"
#include "core/event_bus.h"

namespace davit::api {

event_message describe(const engine_event& event, api_version version);

/// Whether an event passes the filters of GET /events.
bool passes(const filters& only, const engine_event& event);

} // namespace davit::api
