#include "api/image_views.h"

#include <algorithm>
#include <chrono>

#include "api/glob.h"
#include "api/moment.h"
#include "core/error.h"
#include "core/rfc3339.h"

namespace davit::api {

namespace {

std::chrono::system_clock::time_point created_at(const image_record& image) {
    return parse_rfc3339(image.config.created).value_or(std::chrono::system_clock::time_point{});
}

string_map labels_of(const image_record& image) {
    if (!image.config.config) return {};
    return image.config.config->labels.value_or(string_map{});
}

/// "busybox" of "busybox:1.36" and of "busybox@sha256:…".
std::string_view without_suffix(std::string_view name) {
    name = name.substr(0, name.find('@'));
    const auto colon = name.rfind(':');
    return colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos ? name.substr(0, colon)
                                                                                              : name;
}

/// Takes away the names that no pattern matches.
void keep_matching_names(image_record& image, const std::vector<std::string>& patterns) {
    const auto is_unwanted = [&](const std::string& name) {
        return std::none_of(patterns.begin(), patterns.end(),
                            [&](const std::string& pattern) { return matches_reference(pattern, name); });
    };
    std::erase_if(image.repo_tags, is_unwanted);
    std::erase_if(image.repo_digests, is_unwanted);
}

std::optional<std::chrono::system_clock::time_point> boundary(const engine& from, const filters& only,
                                                              std::string_view filter) {
    const auto& values = only.values(filter);
    if (values.empty()) return std::nullopt;
    return created_at(from.images.get(values.front()));
}

} // namespace

bool matches_reference(std::string_view pattern, std::string_view familiar_name) {
    return matches_glob(pattern, familiar_name) || matches_glob(pattern, without_suffix(familiar_name));
}

image_summary summarize(const image_record& image, api_version version) {
    image_summary summary;
    summary.id = image.id;
    summary.created = std::chrono::duration_cast<std::chrono::seconds>(created_at(image).time_since_epoch()).count();
    if (image.config.config) summary.labels = image.config.config->labels;
    summary.repo_tags = image.repo_tags;
    summary.repo_digests = image.repo_digests;
    if (version < api_version{1, 43}) { // up to then clients are shown names that say that there are none
        if (summary.repo_tags.empty()) summary.repo_tags = {"<none>:<none>"};
        if (summary.repo_digests.empty()) summary.repo_digests = {"<none>@<none>"};
    }
    summary.size = image.size;
    if (version < api_version{1, 44}) summary.virtual_size = image.size;
    return summary;
}

image_inspect inspect(const engine& from, const image_record& image, api_version version) {
    image_inspect seen;
    seen.id = image.id;
    seen.repo_tags = image.repo_tags;
    seen.repo_digests = image.repo_digests;
    seen.created = image.config.created;
    if (!image.config.history.empty()) seen.comment = image.config.history.back().comment;
    if (version < api_version{1, 52}) {
        seen.parent.emplace();
        seen.docker_version.emplace();
    }
    seen.author = image.config.author;
    const auto config = image.config.config.value_or(container_config{});
    if (version < api_version{1, 45}) seen.built_from.emplace();
    if (version < api_version{1, 50})
        seen.config = config;
    else if (version < api_version{1, 52})
        seen.own_config = full_image_container_config{config};
    else
        seen.short_config = image_container_config{config};
    seen.architecture = image.config.architecture;
    seen.variant = image.config.variant;
    seen.os = image.config.os;
    seen.size = image.size;
    if (version < api_version{1, 44}) seen.virtual_size = image.size;
    seen.graph.name = from.storage.docker_name();
    std::vector<digest> chain_ids;
    for (const std::string& chain_id : image.chain_ids) chain_ids.push_back(digest::parse(chain_id));
    if (auto places = from.storage.image_places(chain_ids); !places.empty()) seen.graph.data = std::move(places);
    seen.rootfs.type = image.config.rootfs.type.empty() ? "layers" : image.config.rootfs.type;
    seen.rootfs.layers = image.config.rootfs.diff_ids;
    seen.metadata.last_tag_time = image.last_tagged;
    return seen;
}

std::vector<image_record> select_images(const engine& from, const filters& only) {
    only.allow({"before", "dangling", "label", "reference", "since", "until"});
    const auto before = boundary(from, only, "before");
    const auto since = boundary(from, only, "since");
    std::optional<std::chrono::system_clock::time_point> until;
    if (only.has("until")) until = parse_moment_or_age(only.values("until").front(), "until");
    const bool filters_dangling = only.has("dangling");
    const bool wants_dangling = only.flag("dangling", false);

    std::vector<image_record> selected;
    for (const image_record* image : from.images.list()) {
        const auto created = created_at(*image);
        if ((before && created >= *before) || (since && created <= *since) || (until && created > *until)) continue;
        if (filters_dangling && image->repo_tags.empty() != wants_dangling) continue;
        if (!only.matches_labels("label", labels_of(*image))) continue;
        image_record shown = *image;
        if (only.has("reference")) {
            keep_matching_names(shown, only.values("reference"));
            if (shown.repo_tags.empty() && shown.repo_digests.empty()) continue;
        }
        selected.push_back(std::move(shown));
    }
    std::sort(selected.begin(), selected.end(), [](const image_record& a, const image_record& b) {
        return std::pair{created_at(a), std::string_view{a.id}} > std::pair{created_at(b), std::string_view{b.id}};
    });
    return selected;
}

} // namespace davit::api
