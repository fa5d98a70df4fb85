#include "api/event_views.h"

#include <chrono>

namespace davit::api {

namespace {

std::string attribute(const engine_event& event, const char* name) {
    const auto at = event.attributes.find(name);
    return at == event.attributes.end() ? std::string{} : at->second;
}

/// Of a filter named after a type of object ("container"): the event's object by id or name, or their beginning.
bool names_object(const filters& only, const char* type, const engine_event& event) {
    if (!only.has(type)) return true;
    return only.matches_beginning(type, event.actor_id) || only.matches_beginning(type, attribute(event, "name"));
}

std::string without_tag(const std::string& name) {
    const auto colon = name.rfind(':');
    return colon != std::string::npos && name.find('/', colon) == std::string::npos ? name.substr(0, colon) : name;
}

bool names_image(const filters& only, const engine_event& event) {
    if (!only.has("image")) return true;
    const auto name = attribute(event, event.type == "image" ? "name" : "image");
    return only.matches_exactly("image", event.actor_id) || only.matches_exactly("image", name) ||
           only.matches_exactly("image", without_tag(name));
}

/// "exec_create: sh" passes for "exec_create" as well as for itself.
bool names_action(const filters& only, const std::string& action) {
    return only.matches_exactly("event", action) || only.matches_exactly("event", action.substr(0, action.find(':')));
}

} // namespace

event_message describe(const engine_event& event, api_version version) {
    event_message message;
    message.type = event.type;
    message.action = event.action;
    message.actor.id = event.actor_id;
    message.actor.attributes = event.attributes;
    const auto since_epoch = event.time.time_since_epoch();
    message.time = std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
    message.time_nano = std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count();
    if (version < api_version{1, 52} && (event.type == "container" || event.type == "image")) {
        message.status = event.action;
        message.id = event.actor_id;
        message.from = event.type == "container" ? attribute(event, "image") : std::string{};
    }
    return message;
}

bool passes(const filters& only, const engine_event& event) {
    for (const char* type :
         {"container", "daemon", "network", "volume", "plugin", "node", "service", "secret", "config"})
        if (!names_object(only, type, event)) return false;
    return names_action(only, event.action) && only.matches_exactly("type", event.type) &&
           only.matches_exactly("scope", "local") && names_image(only, event) &&
           only.matches_labels("label", event.attributes);
}

} // namespace davit::api
