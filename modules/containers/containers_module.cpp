#include "modules/containers/containers_module.h"

#include <algorithm>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/error.h"
#include "core/log.h"
#include "core/timeout.h"
#include "io/beneath.h"
#include "io/directory.h"
#include "io/offload.h"
#include "modules/containers/container.h"
#include "modules/containers/log_attributes.h"

namespace davit {

namespace {

cgroup_version mounted_cgroups() {
    struct statfs facts{};
    const bool is_v2 = ::statfs("/sys/fs/cgroup", &facts) == 0 && facts.f_type == CGROUP2_SUPER_MAGIC;
    return is_v2 ? cgroup_version::v2 : cgroup_version::v1;
}

std::string host_name() {
    char name[65] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

string_map read_log_options(const std::vector<std::string>& assignments) {
    string_map options;
    for (const std::string& assignment : assignments) {
        const auto equals = assignment.find('=');
        if (equals == std::string::npos || equals == 0)
            throw error(errc::invalid, "log-opt is NAME=VALUE, not \"{}\"", assignment);
        options.insert_or_assign(assignment.substr(0, equals), assignment.substr(equals + 1));
    }
    return options;
}

} // namespace

containers_module::containers_module(const module_inputs& given)
    : records_{given.get<state_store>()},
      images_{given.get<image_store>()},
      storage_{given.get<storage_driver>()},
      runtime_{given.get<runtime>()},
      sandboxes_{given.get<sandbox_provider>()},
      networks_{given.all<network_driver>()},
      log_drivers_{given.all<log_driver>()},
      profiles_{given.get<security_profiles>()},
      events_{given.get<event_bus>()},
      default_log_driver_{given.config().text("log-driver")},
      default_log_options_{read_log_options(given.config().list("log-opt"))},
      host_name_{host_name()},
      plan_host_{mounted_cgroups(), given.config().text("data-root") + "/containers"},
      processors_{read_host_processors(plan_host_.cgroups)},
      pumps_{plan_host_.containers_directory},
      longest_cleanup_{given.config().number("shutdown-timeout")} {
    const log_driver* chosen = log_drivers_.find(default_log_driver_);
    if (!chosen) throw error(errc::invalid, "log-driver: there is no log driver \"{}\"", default_log_driver_);
    chosen->check(driver_options(default_log_options_));
}

containers_module::~containers_module() = default;

task<void> containers_module::start() {
    co_await io::offload([directory = plan_host_.containers_directory] {
        const auto slash = directory.rfind('/');
        const io::descriptor above = io::open_private_directory(AT_FDCWD, directory.substr(0, slash), 0710);
        const io::descriptor own = io::open_private_directory(above.get(), directory.substr(slash + 1), 0710);
        io::spread_children(own.get());
    });
    co_await pumps_.start();
    co_await load();
}

task<void> containers_module::stop() {
    co_await lives_.end();
    co_await moving_.end();
    // What is being destroyed is destroyed before the engine goes; what fails is tried again by the next start.
    try {
        if (longest_cleanup_.count() < 0)
            co_await cleanup_.drain();
        else
            co_await with_timeout(longest_cleanup_, "cleaning up", cleanup_.drain());
    } catch (const error& e) {
        if (e.category() != errc::timed_out) throw;
        log::warn("what is still being cleaned up is left to the engine's next start");
    }
    co_await cleanup_.end();
    co_await records_.flush();
}

const container_record* containers_module::find(std::string_view name) const {
    const auto found = index_.find(name);
    return found ? &found->record : nullptr;
}

const container_record& containers_module::get(std::string_view name) const {
    return index_.get(name)->record;
}

std::vector<const container_record*> containers_module::list() const {
    std::vector<const container_record*> records;
    records.reserve(index_.all().size());
    for (const auto& [id, held] : index_.all()) records.push_back(&held->record);
    std::sort(records.begin(), records.end(), [](const container_record* a, const container_record* b) {
        return a->created_at != b->created_at ? a->created_at > b->created_at : a->id > b->id;
    });
    return records;
}

std::string containers_module::log_path(const container_record& of) const {
    return log_driver_of(of.host).path(of.id, directory_of(of.id));
}

string_map containers_module::log_attributes(const container_record& of) const {
    return chosen_log_attributes(of, of.host.log.config);
}

std::string containers_module::state_directory(const container_record& of) const {
    return directory_of(of.id);
}

log_driver& containers_module::log_driver_of(const host_config& host) const {
    log_driver* driver = log_drivers_.find(host.log.type);
    if (!driver) throw error(errc::invalid, "logger: no log driver named '{}' is registered", host.log.type);
    return *driver;
}

void containers_module::publish(const container& of, std::string action, string_map attributes) {
    engine_event happened;
    happened.type = "container";
    happened.action = std::move(action);
    happened.actor_id = of.record.id;
    happened.attributes = std::move(attributes);
    if (of.record.config.labels)
        happened.attributes.insert(of.record.config.labels->begin(), of.record.config.labels->end());
    happened.attributes["image"] = of.record.config.image;
    happened.attributes["name"] = of.record.name;
    events_.publish(std::move(happened));
}

void containers_module::publish_network(const container& of, std::string action) {
    const network_driver* network = networks_.find(of.record.host.network_mode);
    if (!network) return;
    const network_facts facts = network->facts();
    engine_event happened;
    happened.type = "network";
    happened.action = std::move(action);
    happened.actor_id = facts.id;
    happened.attributes = {{"container", of.record.id}, {"name", facts.name}, {"type", facts.driver}};
    events_.publish(std::move(happened));
}

} // namespace davit
