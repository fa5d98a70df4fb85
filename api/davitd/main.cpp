#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

#include "api/davitd/engine_identity.h"
#include "api/davitd/instance_lock.h"
#include "api/davitd/listeners.h"
#include "api/davitd/log_sink.h"
#include "api/davitd/options.h"
#include "api/davitd/process_setup.h"
#include "api/engine_version.h"
#include "api/routes/all_routes.h"
#include "core/error.h"
#include "core/log.h"
#include "core/scope.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/signals.h"
#include "modules/all_modules.h"

namespace davit::api {
namespace {

log::level log_level_of(const settings& config) {
    return config.flag("debug") ? log::level::debug : parse_log_level(config.text("log-level"));
}

settings declare_all(const module_registry& modules) {
    settings config;
    declare_engine_settings(config);
    modules.declare_settings(config);
    return config;
}

/// Adds what the configuration file says. One that the user did not name may be missing.
void add_config_file(settings& config) {
    const auto path = config.text("config-file");
    std::ifstream file{path};
    if (!file) {
        if (config.was_set("config-file"))
            throw error(errc::not_found, "unable to read the configuration file {}", path);
        return;
    }
    std::ostringstream text;
    text << file.rdbuf();
    read_config_file(config, text.view(), path);
}

/// Reads everything that says how this engine runs, and takes what it says for what it means.
struct invocation {
    command asked = command::run;
    settings config;
};

invocation read_invocation(const module_registry& modules, const std::vector<std::string>& arguments) {
    invocation read{command::run, declare_all(modules)};
    read.asked = read_command_line(read.config, arguments);
    if (read.asked != command::run && read.asked != command::validate) return read;
    add_config_file(read.config);
    if (read.config.text("storage-driver") == "overlay2") read.config.set("storage-driver", "overlay");
    log_level_of(read.config);
    return read;
}

/// Serves until a signal ends it. SIGHUP reads the log level again.
task<void> serve_until_signalled(router& routes, std::vector<api_listener> listeners, io::signal_watch& signals,
                                 const module_registry& modules, std::vector<std::string> arguments) {
    co_await with_scope([&](scope& serving) -> task<void> {
        serving.spawn(serve_api(std::move(listeners), routes));
        while (true) {
            const int number = co_await signals.next();
            if (number != SIGHUP) {
                log::info("signal {}: ending; containers go on running", number);
                break;
            }
            try {
                log_to_standard_error(log_level_of(read_invocation(modules, arguments).config));
                log::info("signal {}: read the configuration file again; the log level is what can be changed so",
                          number);
            } catch (const error& e) {
                log::warn("signal {}: {}", number, e.text());
            }
        }
        serving.cancel();
    });
}

template <class Driver> std::vector<std::string> names_of_all(const module_registry& modules) {
    std::vector<std::string> names;
    const auto drivers = modules.all<Driver>();
    for (const auto& [name, driver] : drivers.all()) names.push_back(name);
    return names;
}

task<void> run_engine(const settings& config, module_registry& modules, std::vector<std::string> arguments) {
    io::signal_watch signals{SIGTERM, SIGINT, SIGHUP};
    co_await modules.start(config);
    std::exception_ptr failure;
    try {
        auto& store = modules.get<state_store>();
        engine serves{modules.get<container_service>(),
                      modules.get<image_service>(),
                      modules.get<image_store>(),
                      modules.get<storage_driver>(),
                      modules.get<security_profiles>(),
                      modules.get<event_bus>(),
                      modules.all<network_driver>(),
                      names_of_all<log_driver>(modules),
                      names_of_all<runtime>(modules),
                      config,
                      read_host_facts(),
                      co_await engine_identity(store)};
        router routes{serves, all_routes()};
        auto listeners = co_await open_listeners(config, find_socket_group(config));
        trim_memory();
        log::info("davitd {} is ready", engine_version());
        co_await serve_until_signalled(routes, std::move(listeners), signals, modules, std::move(arguments));
    } catch (...) {
        failure = std::current_exception();
    }
    co_await modules.stop();
    if (failure) std::rethrow_exception(failure);
}

void run(const settings& config, module_registry& modules, std::vector<std::string> arguments) {
    log_to_standard_error(log_level_of(config));
    const auto group = find_socket_group(config);
    make_private_directory(config.text("data-root"), 0710, std::nullopt);
    make_private_directory(config.text("exec-root"), 0710, group);
    auto pid_file = config.text("pidfile");
    if (pid_file.empty()) pid_file = config.text("exec-root") + "/davitd.pid";
    std::optional<instance_lock> only_one{std::in_place, config.text("data-root"), config.text("exec-root"),
                                          std::move(pid_file)};
    io::loop loop;
    loop.run(run_engine(config, modules, std::move(arguments)));
    if (io::look_ups_under_way() == 0) return;
    // All has ended but a worker that can't be called back from a name server: the loop and exit(3) would wait for it.
    only_one.reset();
    std::fflush(nullptr);
    std::quick_exit(EXIT_SUCCESS);
}

int main(std::vector<std::string> arguments) {
    set_up_process();
    module_registry modules;
    register_all(modules);
    auto [asked, config] = read_invocation(modules, arguments);
    switch (asked) {
    case command::show_help:
        std::fputs(describe_options(config).c_str(), stdout);
        break;
    case command::show_version:
        std::puts(fmt::format("Davit version {}, build {}", engine_version(), engine_commit()).c_str());
        break;
    case command::show_modules:
        std::fputs(modules.describe().c_str(), stdout);
        break;
    case command::validate:
        std::fputs("configuration OK\n", stderr);
        break;
    case command::run:
        run(config, modules, std::move(arguments));
    }
    return 0;
}

} // namespace
} // namespace davit::api

int main(int count, char** arguments) {
    try {
        return davit::api::main({arguments + 1, arguments + count});
    } catch (const std::exception& e) {
        std::fputs(fmt::format("davitd: {}\n", e.what()).c_str(), stderr);
        return 1;
    }
}
