#include "cli/create_container.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <unistd.h>

#include "cli/api_socket.h"
#include "cli/command.h"
#include "cli/option_values.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "core/reference.h"

namespace davit::cli {

namespace {

task<void> pull(engine& api, const client_configuration& settings, const container_flags& flags, std::string image) {
    pull_options options;
    options.image = std::move(image);
    options.platform = flags.platform;
    options.is_quiet = flags.quiet;
    options.progress_to = stderr;
    co_await pull_image(api, settings, std::move(options));
}

/// What the settings say of proxies for containers of this engine, where -e says nothing else; as docker does, after
/// the variables of --env-file.
void add_proxies(api::create_body& to, const engine& api, const client_configuration& settings,
                 const container_flags& flags) {
    auto at = settings.proxies_of.find(api.host());
    if (at == settings.proxies_of.end()) at = settings.proxies_of.find("default");
    if (at == settings.proxies_of.end()) return;
    const client_configuration::proxies& known = at->second;
    for (const auto& [name, proxy] : {std::pair{"HTTP_PROXY", &known.http}, std::pair{"HTTPS_PROXY", &known.https},
                                      std::pair{"FTP_PROXY", &known.ftp}, std::pair{"ALL_PROXY", &known.all},
                                      std::pair{"NO_PROXY", &known.no_proxy}}) {
        if (proxy->empty()) continue;
        for (const std::string& variable : {std::string{name}, in_lower_case(name)}) {
            if (flags.sets_variable(variable)) continue;
            if (!to.environment) to.environment.emplace();
            to.environment->push_back(variable + "=" + *proxy);
        }
    }
}

/// The file for --cidfile, if there is to be one: gone again when no container was made.
class id_file {
  public:
    explicit id_file(const std::string& path) : path_{path} {
        if (path_.empty()) return;
        if (std::ifstream{path_})
            throw error(errc::conflict,
                        "container ID file found, make sure the other container isn't running or delete {}", path_);
        errno = 0;
        file_.open(path_);
        if (!file_)
            throw error(errc::invalid, "failed to create the container ID file: open {}: {}", path_,
                        in_lower_case(std::strerror(errno)));
    }
    id_file(const id_file&) = delete;
    id_file& operator=(const id_file&) = delete;
    ~id_file() {
        if (!path_.empty() && !is_kept_) ::unlink(path_.c_str());
    }
    void keep(const std::string& id) {
        if (path_.empty()) return;
        file_ << id << std::flush;
        is_kept_ = true;
    }

  private:
    std::string path_;
    std::ofstream file_;
    bool is_kept_ = false;
};

} // namespace

task<std::string> create_container(engine& api, const client_configuration& settings, const container_flags& flags,
                                   api::create_body body) {
    if (!flags.platform.empty()) check_platform(flags.platform);
    add_proxies(body, api, settings, flags);
    std::string logins;
    if (flags.uses_api_socket) logins = co_await add_api_socket(body, api, settings);
    if (!is_image_id(body.image)) image_reference::parse(body.image);
    // Made before anything else is: a container whose id is not written down would be lost.
    id_file written{flags.id_file};
    if (flags.pull == "always") co_await pull(api, settings, flags, body.image);
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
        if (!flags.quiet) print_error(fmt::format("Unable to find image '{}' locally", image.familiar()));
        co_await pull(api, settings, flags, body.image);
        answer = co_await api.post(path, io::to_json(body));
    }
    const auto created = io::parse<api::create_response>(answer, "the engine's answer");
    for (const std::string& warning : created.warnings) print_error("WARNING: " + printable(warning));
    written.keep(created.id);
    if (!logins.empty()) co_await give_logins(api, created.id, std::move(logins));
    co_return created.id;
}

} // namespace davit::cli
