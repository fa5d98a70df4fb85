#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/host_facts.h"
#include "core/container_service.h"
#include "core/event_bus.h"
#include "core/image_service.h"
#include "core/image_store.h"
#include "core/module.h"
#include "core/network_driver.h"
#include "core/security_profiles.h"
#include "core/settings.h"
#include "core/storage_driver.h"

namespace davit::api {

/// What the routes serve from: the interfaces of core, and the facts of this process. Outlives every request.
struct engine {
    container_service& containers;
    image_service& image_commands;
    image_store& images;
    storage_driver& storage;
    const security_profiles& profiles;
    event_bus& events;
    driver_set<network_driver> networks;
    std::vector<std::string> log_drivers;
    std::vector<std::string> runtimes;
    const settings& config;
    host_facts host;
    std::string id;                   ///< Kept for the life of the data root
    std::int64_t event_listeners = 0; ///< Streams of GET /events that are open
};

} // namespace davit::api
