#include "api/routes/all_routes.h"

#include <array>

#include "api/routes/handlers.h"

namespace davit::api {

std::span<const route> all_routes() noexcept {
    using namespace routes;
    using enum io::http_method;
    static constexpr std::array list = {
        route{get, "/_ping", ping},
        route{head, "/_ping", ping},
        route{get, "/version", version},
        route{get, "/info", info},
        route{get, "/events", events},

        route{post, "/images/create", create_image},
        route{get, "/images/json", list_images},
        route{get, "/images/{name...}/json", inspect_image},
        route{del, "/images/{name...}", delete_image},

        route{post, "/containers/create", create_container},
        route{get, "/containers/json", list_containers},
        route{get, "/containers/{id}/json", inspect_container},
        route{post, "/containers/{id}/start", start_container},
        route{post, "/containers/{id}/stop", stop_container},
        route{post, "/containers/{id}/restart", restart_container},
        route{post, "/containers/{id}/kill", kill_container},
        route{post, "/containers/{id}/wait", wait_container},
        route{post, "/containers/{id}/resize", resize_container},
        route{post, "/containers/{id}/attach", attach_container},
        route{get, "/containers/{id}/logs", container_logs},
        route{del, "/containers/{id}", delete_container},

        route{get, "/davit/containers/{id}/launch", launch_times_of_container},
    };
    return list;
}

} // namespace davit::api
