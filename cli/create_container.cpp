#include "cli/create_container.h"

#include <fstream>

#include "cli/command.h"
#include "cli/option_values.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "core/reference.h"

namespace davit::cli {

namespace {

task<void> pull(engine& api, const container_flags& flags, std::string image) {
    pull_options options;
    options.image = std::move(image);
    options.platform = flags.platform;
    options.is_quiet = flags.quiet;
    options.progress_to = stderr;
    co_await pull_image(api, std::move(options));
}

} // namespace

task<std::string> create_container(engine& api, const container_flags& flags, api::create_body body) {
    if (!is_image_id(body.image)) image_reference::parse(body.image);
    if (!flags.id_file.empty() && std::ifstream{flags.id_file})
        throw error(errc::conflict, "container ID file found, make sure the other container isn't running or delete {}",
                    flags.id_file);
    if (flags.pull == "always") co_await pull(api, flags, body.image);
    std::string path = "/containers/create?name=" + encoded(flags.name);
    if (!flags.platform.empty()) path += "&platform=" + encoded(flags.platform);
    std::string answer;
    bool is_missing = false;
    try {
        answer = co_await api.post(path, io::to_json(body));
    } catch (const engine_error& e) {
        is_missing = e.status() == 404 && flags.pull == "missing" && !is_image_id(body.image);
        if (!is_missing) throw;
    }
    if (is_missing) {
        const auto image = image_reference::parse_with_default_tag(body.image);
        if (!flags.quiet) fmt::print(stderr, "Unable to find image '{}' locally\n", image.familiar());
        co_await pull(api, flags, body.image);
        answer = co_await api.post(path, io::to_json(body));
    }
    const auto created = io::parse<api::create_response>(answer, "the engine's answer");
    for (const std::string& warning : created.warnings) fmt::print(stderr, "WARNING: {}\n", printable(warning));
    if (!flags.id_file.empty()) std::ofstream{flags.id_file} << created.id;
    co_return created.id;
}

} // namespace davit::cli
