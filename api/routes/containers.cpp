#include <algorithm>

#include "api/container_list.h"
#include "api/container_size.h"
#include "api/container_views.h"
#include "api/create_body.h"
#include "api/routes/handlers.h"
#include "api/types/launch_times.h"
#include "core/error.h"

namespace davit::api::routes {

task<void> create_container(engine& serves, exchange& request) {
    auto body = co_await request.read_json<received_body>("invalid JSON");
    auto asked = to_create_request(std::move(body), request.text("name"), request.text("platform"));
    auto made = co_await serves.containers.create(std::move(asked));
    co_await request.respond_json(201, create_response{std::move(made.id), std::move(made.warnings)});
}

task<void> list_containers(engine& serves, exchange& request) {
    container_list_query query;
    query.wants_all = request.flag("all");
    query.limit = static_cast<std::size_t>(std::max<std::int64_t>(0, request.number("limit").value_or(0)));
    query.only = filters::parse(request.text("filters"));
    std::vector<container_summary> listed;
    for (const auto* container : select_containers(serves, query))
        listed.push_back(summarize(serves, *container, request.version()));
    if (request.flag("size"))
        for (auto& container : listed) {
            if (!serves.containers.find(container.id)) continue; // removed while others were measured
            const auto size = co_await measure(serves, container.id, container.image_id);
            if (size.written > 0) container.size_rw = size.written;
            container.size_root_fs = size.whole;
        }
    co_await request.respond_json(200, listed);
}

task<void> inspect_container(engine& serves, exchange& request) {
    auto seen = inspect(serves, serves.containers.get(request.path("id")), request.version());
    if (request.flag("size")) {
        const auto size = co_await measure(serves, seen.id, seen.image);
        seen.size_rw = size.written;
        seen.size_root_fs = size.whole;
    }
    co_await request.respond_json(200, seen);
}

task<void> launch_times_of_container(engine& serves, exchange& request) {
    const auto& container = serves.containers.get(request.path("id"));
    launch_times times;
    times.id = container.id;
    for (const auto& phase : container.phases) {
        times.phases.push_back({phase.phase, phase.microseconds});
        times.total_microseconds += phase.microseconds;
    }
    co_await request.respond_json(200, times);
}

} // namespace davit::api::routes
