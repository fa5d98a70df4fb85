#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/image_platform.h"
#include "core/rollback.h"
#include "core/scope.h"
#include "io/sha256.h"
#include "modules/images/blob_directory.h"
#include "modules/images/images_module.h"

namespace davit {
namespace {

constexpr int most_attempts = 3;

/// Counts a pull's layers as wanted while it runs.
class layer_claim {
  public:
    layer_claim(std::map<digest, int>& wanted, const std::vector<layer_facts>& layers)
        : wanted_{wanted}, layers_{layers} {
        for (const layer_facts& layer : layers_) ++wanted_[layer.chain_id];
    }
    ~layer_claim() { give_up(); }
    layer_claim(const layer_claim&) = delete;
    layer_claim& operator=(const layer_claim&) = delete;

    void give_up() noexcept {
        if (std::exchange(is_given_up_, true)) return;
        for (const layer_facts& layer : layers_)
            if (const auto at = wanted_.find(layer.chain_id); --at->second == 0) wanted_.erase(at);
    }

  private:
    std::map<digest, int>& wanted_;
    const std::vector<layer_facts>& layers_;
    bool is_given_up_ = false;
};

/// What pulls are called in progress lines: the tag, or the digest.
std::string shown_version(const image_reference& image) {
    return image.digest() ? image.digest()->text() : image.tag();
}

task<std::string> read_blob(registry_session& from, content_descriptor of, std::string what, std::int64_t largest) {
    const digest named = checked_digest(of, what, largest);
    const auto source = co_await from.blob(named);
    std::string bytes(static_cast<std::size_t>(of.size) + 1, '\0');
    std::size_t filled = 0;
    while (filled < bytes.size()) {
        const std::size_t got =
            co_await source->read(std::as_writable_bytes(std::span{bytes.data() + filled, bytes.size() - filled}));
        if (got == 0) break;
        filled += got;
    }
    if (filled != static_cast<std::size_t>(of.size))
        throw error(errc::invalid, "{} has {} bytes where its size says {}", what,
                    filled > static_cast<std::size_t>(of.size) ? "more" : "fewer", of.size);
    bytes.resize(filled);
    if (const std::string found = io::sha256::hex_of(bytes); found != named.hex())
        throw error(errc::invalid, "{} should have the digest {}, and has sha256:{}", what, named.text(), found);
    co_return bytes;
}

} // namespace

task<std::string> images_module::pull(pull_request request, progress_sink progress) {
    const image_reference asked = request.image;
    std::vector<image_reference> wanted{asked};
    if (asked.names_repository_only()) {
        wanted.clear();
        for (const std::string& tag : co_await tags_of(request)) wanted.push_back(asked.with_tag(tag));
    }
    pull_outcome outcome;
    for (const image_reference& image : wanted) {
        request.image = image;
        co_await pull_one(request, progress, outcome);
    }
    progress({.id = {},
              .status = (outcome.is_news ? "Status: Downloaded newer image for " : "Status: Image is up to date for ") +
                        asked.familiar()});
    for (const std::string& warning : outcome.warnings) progress({.id = {}, .status = warning});
    co_return outcome.id;
}

task<std::vector<std::string>> images_module::tags_of(pull_request request) {
    const auto from = co_await registries_.open(request.image, std::move(request.credentials));
    auto tags = co_await from->tags();
    if (tags.empty()) throw error(errc::not_found, "repository {} has no tags", request.image.familiar_name());
    co_return tags;
}

task<void> images_module::pull_one(pull_request request, progress_sink progress, pull_outcome& outcome) {
    const image_reference asked = request.image;
    const std::string platform = request.platform;
    const pulled_ptr image = co_await fetch_documents(std::move(request));
    progress({.id = shown_version(asked), .status = "Pulling from " + asked.path()});
    const image_record* had = images_.find(asked.familiar());
    if (!had || had->id != image->id.text()) outcome.is_news = true;
    co_await fetch_and_record(image, progress);
    progress({.id = {}, .status = "Digest: " + image->top.of.text()});
    publish("pull", asked.familiar(), asked.familiar_name(),
            image->config.config ? image->config.config->labels.value_or(string_map{}) : string_map{});
    outcome.id = image->id.text();
    if (platform.empty()) co_return;
    // A manifest without an index may be for another platform: it is pulled nonetheless, as Docker does it.
    if (const auto mismatch = platform_mismatch(asked.familiar(), image->config, parse_platform(platform)))
        outcome.warnings.push_back("WARNING: " + *mismatch);
}

task<images_module::pulled_ptr> images_module::fetch_documents(pull_request request) {
    auto image = std::make_shared<pulled_image>();
    image->asked = request.image;
    const platform wanted = request.platform.empty() ? host_platform() : parse_platform(request.platform);
    image->from = co_await registries_.open(request.image, std::move(request.credentials));
    if (request.image.digest())
        image->top = co_await image->from->manifest(*request.image.digest());
    else
        image->top = co_await image->from->manifest(request.image);

    image->manifest = image->top;
    checked_document document = parse_manifest(image->top);
    if (document.kind == document_kind::index) {
        const content_descriptor chosen = choose_manifest(document.content, wanted);
        const digest named = checked_digest(chosen, "the manifest in the index", largest_manifest);
        image->manifest = co_await image->from->manifest(named);
        if (image->manifest.bytes.size() != static_cast<std::size_t>(chosen.size))
            throw error(errc::invalid, "the manifest {} has {} bytes where the index says {}", named.text(),
                        image->manifest.bytes.size(), chosen.size);
        if (image->manifest.media_type != chosen.media_type)
            throw error(errc::invalid, "the manifest {} has the type {:?} where the index says {:?}", named.text(),
                        image->manifest.media_type, chosen.media_type);
        document = parse_manifest(image->manifest);
        if (document.kind != document_kind::manifest)
            throw error(errc::invalid, "the index leads to another index; nested ones are not followed");
    }
    co_await fetch_config(image, *document.content.config);
    if (const std::string& os = image->config.os; !os.empty() && os != "linux")
        throw error(errc::unsupported, "image operating system {:?} cannot be used on this platform", os);
    image->layers = layers_of(document.content, image->config);
    co_return image;
}

task<void> images_module::fetch_config(pulled_ptr image, content_descriptor of) {
    image->config_bytes = co_await read_blob(*image->from, of, "the image's configuration", largest_config);
    image->id = digest::parse(of.digest_text);
    image->config = parse_config(image->config_bytes);
}

bool images_module::has_all_layers(const pulled_image& image) const {
    return std::ranges::all_of(image.layers,
                               [&](const layer_facts& layer) { return storage_.has_layer(layer.chain_id); });
}

task<void> images_module::fetch_and_record(pulled_ptr image, progress_sink progress) {
    const bool is_known = images_.find(image->id.text()) != nullptr;
    layer_claim claim{wanted_layers_, image->layers};
    rollback undo;
    undo.add([this, image, &claim] {
        claim.give_up();
        return drop_unused_layers(image);
    });
    co_await with_rollback(undo, [](images_module& self, pulled_ptr of, progress_sink tell, bool known) -> task<void> {
        for (int attempt = 1;; ++attempt) {
            // An image that is here already says so at its end, and not layer by layer.
            if (!known || !self.has_all_layers(*of)) co_await self.fetch_layers(of, tell);
            if (co_await self.record(of)) co_return;
            if (attempt == most_attempts)
                throw error(errc::unavailable, "the layers of {} were removed while it was pulled; pull it again",
                            of->asked.familiar());
        }
    }(*this, image, progress, is_known));
}

task<void> images_module::fetch_layers(pulled_ptr image, progress_sink progress) {
    std::vector<std::int64_t> sizes(image->layers.size(), -1);
    for (const layer_facts& layer : image->layers)
        progress({.id = layer.blob.short_form(),
                  .status = storage_.has_layer(layer.chain_id) ? "Already exists" : "Pulling fs layer"});
    co_await with_scope([&](scope& layers) -> task<void> {
        for (std::size_t at = 0; at < image->layers.size(); ++at) {
            if (storage_.has_layer(image->layers[at].chain_id)) continue;
            layers.spawn(fetch_layer(image->layers[at], image->from, progress, sizes[at]));
        }
        co_return;
    });
    for (std::size_t at = 0; at < sizes.size(); ++at)
        if (sizes[at] >= 0) fetched_sizes_[image->layers[at].chain_id] = sizes[at];
}

task<void> images_module::fetch_layer(layer_facts layer, std::shared_ptr<registry_session> from, progress_sink progress,
                                      std::int64_t& content_bytes) {
    content_bytes = co_await downloads_.fetch(layer, std::move(from), std::move(progress));
}

std::optional<std::int64_t> images_module::known_layer_size(const digest& chain_id) const {
    if (const auto at = fetched_sizes_.find(chain_id); at != fetched_sizes_.end()) return at->second;
    const std::string text = chain_id.text();
    for (const image_record* image : images_.list()) {
        const auto at = std::ranges::find(image->chain_ids, text);
        const auto index = static_cast<std::size_t>(at - image->chain_ids.begin());
        if (at != image->chain_ids.end() && index < image->layer_sizes.size()) return image->layer_sizes[index];
    }
    return std::nullopt;
}

task<bool> images_module::record(pulled_ptr image) {
    const auto alone = co_await changing_.acquire();
    if (!has_all_layers(*image)) co_return false;
    co_await store_blob(blobs_, image->top.of, image->top.bytes);
    if (image->manifest.of != image->top.of) co_await store_blob(blobs_, image->manifest.of, image->manifest.bytes);
    co_await store_blob(blobs_, image->id, image->config_bytes);

    image_record made;
    made.id = image->id.text();
    made.manifest_digest = image->manifest.of.text();
    made.manifest_media_type = image->manifest.media_type;
    made.repo_digests.push_back(image->asked.repository().with_digest(image->top.of).familiar());
    made.config = image->config;
    for (const layer_facts& layer : image->layers) {
        made.chain_ids.push_back(layer.chain_id.text());
        made.layer_sizes.push_back(known_layer_size(layer.chain_id).value_or(0));
        made.size += made.layer_sizes.back();
    }
    co_await images_.record(std::move(made), image->asked);
    for (const layer_facts& layer : image->layers) fetched_sizes_.erase(layer.chain_id);
    co_return true;
}

task<void> images_module::drop_unused_layers(pulled_ptr image) {
    const auto alone = co_await changing_.acquire();
    for (const layer_facts& layer : image->layers) {
        if (wanted_layers_.contains(layer.chain_id)) continue;
        const std::string chain_id = layer.chain_id.text();
        const bool is_used = std::ranges::any_of(images_.list(), [&](const image_record* other) {
            return std::ranges::find(other->chain_ids, chain_id) != other->chain_ids.end();
        });
        if (is_used) continue;
        fetched_sizes_.erase(layer.chain_id);
        co_await storage_.remove_layer(layer.chain_id);
    }
}

} // namespace davit
