#include "cli/pull.h"

#include "cli/pull_progress.h"
#include "cli/registry_credentials.h"
#include "core/reference.h"

namespace davit::cli {

task<std::string> pull_image(engine& api, const client_configuration& settings, pull_options options) {
    image_reference image = image_reference::parse(options.image);
    if (!options.takes_all_tags) image = image.with_default_tag();
    const std::string tag = image.digest() ? image.digest()->text() : image.tag();
    std::string path = fmt::format("/images/create?fromImage={}", encoded(image.name()));
    if (!options.takes_all_tags) path += "&tag=" + encoded(tag);
    if (!options.platform.empty()) path += "&platform=" + encoded(options.platform);
    engine::headers headers;
    const std::string credentials = co_await find_registry_credentials(settings, image.domain());
    if (!credentials.empty()) headers.emplace("X-Registry-Auth", credentials);

    auto response = co_await api.open(io::http_method::post, std::move(path), std::move(headers));
    progress_display display{options.progress_to};
    line_splitter lines;
    std::vector<std::byte> buffer(16 * 1024);
    for (;;) {
        const std::size_t got = co_await response.read(buffer);
        if (got == 0) break;
        lines.add({reinterpret_cast<const char*>(buffer.data()), got});
        for (std::string line; lines.next(line);) {
            const auto message = io::parse<api::progress_message>(line, "the engine's progress");
            if (!options.is_quiet || !message.error.empty()) display.show(message);
        }
    }
    co_return image.text();
}

} // namespace davit::cli
