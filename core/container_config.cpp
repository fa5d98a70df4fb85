#include "core/container_config.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace davit {

namespace {

std::string_view variable_name(std::string_view assignment) {
    return assignment.substr(0, assignment.find('='));
}

template <class T> void fill(std::optional<T>& asked, const std::optional<T>& image) {
    if (!asked || asked->empty()) asked = image;
}

} // namespace

container_config merge_image_config(container_config asked, const container_config& image) {
    if (asked.user.empty()) asked.user = image.user;
    if (asked.working_directory.empty()) asked.working_directory = image.working_directory;
    if (asked.stop_signal.empty()) asked.stop_signal = image.stop_signal;
    if (!asked.healthcheck) asked.healthcheck = image.healthcheck;
    asked.exposed_ports.insert(image.exposed_ports.begin(), image.exposed_ports.end());
    if (image.volumes) {
        if (!asked.volumes) asked.volumes.emplace();
        asked.volumes->insert(image.volumes->begin(), image.volumes->end());
    }
    if (image.labels) {
        if (!asked.labels) asked.labels.emplace();
        asked.labels->insert(image.labels->begin(), image.labels->end());
    }
    if (image.environment) {
        std::vector<std::string> merged = std::move(asked.environment).value_or(std::vector<std::string>{});
        for (const std::string& assignment : *image.environment) {
            const auto same_name = [&](const std::string& other) {
                return variable_name(other) == variable_name(assignment);
            };
            if (std::none_of(merged.begin(), merged.end(), same_name)) merged.push_back(assignment);
        }
        asked.environment = std::move(merged);
    }
    // An entrypoint of [""] clears the image's (what `--entrypoint ""` sends).
    const bool asks_for_entrypoint = asked.entrypoint && !asked.entrypoint->empty();
    if (!asks_for_entrypoint) {
        fill(asked.command, image.command);
        asked.entrypoint = image.entrypoint;
    } else if (asked.entrypoint->size() == 1 && asked.entrypoint->front().empty()) {
        asked.entrypoint.reset();
    }
    return asked;
}

std::vector<std::string> resolve_command(const container_config& config) {
    std::vector<std::string> arguments;
    if (config.entrypoint) arguments = *config.entrypoint;
    if (config.command) arguments.insert(arguments.end(), config.command->begin(), config.command->end());
    if (arguments.empty()) throw error(errc::invalid, "no command specified");
    return arguments;
}

} // namespace davit
