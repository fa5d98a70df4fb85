#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "api/engine_version.h"
#include "api/routes/handlers.h"
#include "api/system_views.h"

namespace davit::api::routes {

task<void> ping(engine&, exchange& request) {
    auto head = request.head(200, "text/plain; charset=utf-8");
    head.headers.add("Builder-Version", "1");
    head.headers.add("Swarm", "inactive");
    head.headers.add("Cache-Control", "no-cache, no-store, must-revalidate");
    head.headers.add("Pragma", "no-cache");
    co_await request.http().respond(std::move(head), "OK");
}

task<void> version(engine& serves, exchange& request) {
    co_await request.respond_json(200, describe_version(serves));
}

task<void> info(engine& serves, exchange& request) {
    co_await request.respond_json(200, describe_system(serves, request.version()));
}

} // namespace davit::api::routes
