#include <algorithm>

#include "api/filters.h"
#include "api/image_views.h"
#include "api/routes/handlers.h"
#include "core/error.h"
#include "core/image_platform.h"
#include "io/json.h"

namespace davit::api::routes {

namespace {

/// A platform as a parameter of the query has it (OCI image-spec, image-index.md §platform). Errors: invalid.
platform read_platform(std::string_view json) {
    auto named = io::parse<platform>(json, "the platform");
    if (named.os.empty() || named.architecture.empty())
        throw error(errc::invalid, "both OS and Architecture must be provided");
    return normalised(std::move(named));
}

/// Errors: not_found when there is no such image, or none for that platform.
void check_platform_of(const engine& serves, const std::string& name, std::string_view asked) {
    const platform wanted = read_platform(asked);
    check_platform(name, serves.images.get(name).config, wanted);
}

} // namespace

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
    const auto& name = request.path("name");
    if (const auto asked = request.text("platform"); !asked.empty() && request.version() >= api_version{1, 49}) {
        if (request.flag("manifests"))
            throw error(errc::invalid, "conflicting options: manifests and platform options cannot both be set");
        check_platform_of(serves, name, asked);
    }
    const auto seen = inspect(serves, serves.images.get(name), request.version());
    co_await request.respond_json(200, seen);
}

task<void> delete_image(engine& serves, exchange& request) {
    const auto& name = request.path("name");
    if (name.find_first_not_of(" \t\r\n") == std::string::npos)
        throw error(errc::invalid, "image name cannot be blank");
    if (const auto asked = request.texts("platforms"); !asked.empty() && request.version() >= api_version{1, 50}) {
        if (asked.size() > 1) throw error(errc::invalid, "multiple platforms are not supported");
        check_platform_of(serves, name, asked.front());
    }
    const auto removed = co_await serves.image_commands.remove(name, request.flag("force"));
    std::vector<image_delete_item> items;
    for (const auto& one : removed) items.push_back({one.untagged, one.deleted});
    co_await request.respond_json(200, items);
}

} // namespace davit::api::routes
