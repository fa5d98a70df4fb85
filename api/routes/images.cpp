#include <algorithm>

#include "api/filters.h"
#include "api/image_views.h"
#include "api/routes/handlers.h"
#include "core/error.h"

namespace davit::api::routes {

task<void> list_images(engine& serves, exchange& request) {
    auto only = filters::parse(request.text("filters"));
    // How a name was asked for up to v1.40.
    if (auto name = request.text("filter"); !name.empty() && request.version() < api_version{1, 41})
        only.add("reference", std::move(name));
    std::vector<image_summary> listed;
    for (const auto& image : select_images(serves, only)) {
        listed.push_back(summarize(image, request.version()));
        if (request.version() >= api_version{1, 51})
            listed.back().containers = static_cast<std::int64_t>(serves.images.holders(image.id).size());
        if (request.flag("shared-size")) listed.back().shared_size = 0;
    }
    co_await request.respond_json(200, listed);
}

task<void> inspect_image(engine& serves, exchange& request) {
    const auto seen = inspect(serves, serves.images.get(request.path("name")), request.version());
    co_await request.respond_json(200, seen);
}

task<void> delete_image(engine& serves, exchange& request) {
    const auto& name = request.path("name");
    if (name.find_first_not_of(" \t\r\n") == std::string::npos)
        throw error(errc::invalid, "image name cannot be blank");
    const auto removed = co_await serves.image_commands.remove(name, request.flag("force"));
    std::vector<image_delete_item> items;
    for (const auto& one : removed) items.push_back({one.untagged, one.deleted});
    co_await request.respond_json(200, items);
}

} // namespace davit::api::routes
