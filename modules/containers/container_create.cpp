// Creating a container.

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <sys/random.h>

#include "core/error.h"
#include "core/image_platform.h"
#include "core/object_id.h"
#include "core/rollback.h"
#include "core/scope.h"
#include "io/file.h"
#include "io/offload.h"
#include "modules/containers/container.h"
#include "modules/containers/container_files.h"
#include "modules/containers/container_names.h"
#include "modules/containers/container_request.h"
#include "modules/containers/containers_module.h"
#include "modules/containers/log_attributes.h"

namespace davit {

namespace {

template <class T> T random_bytes() {
    T bytes{};
    if (::getrandom(&bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes))
        throw error::system(errno, "drawing random bytes");
    return bytes;
}

/// A new id whose first twelve digits are never a number: as the container's host name they must not be taken for an
/// address.
std::string new_id() {
    for (;;) {
        std::string id = new_object_id();
        if (id.find_first_of("abcdef") < 12) return id;
    }
}

} // namespace

task<create_result> containers_module::create(create_request request) {
    create_result result;
    check_create_request(request, processors_, result.warnings);
    if (!request.config.working_directory.empty())
        request.config.working_directory = cleaned_path(request.config.working_directory);
    const image_record& image = images_.get(request.config.image);
    if (!request.platform.empty()) check_platform(request.config.image, image.config, parse_platform(request.platform));

    auto made = std::make_shared<container>();
    container_record& record = made->record;
    record.id = new_id();
    record.name = request.name.starts_with('/') ? request.name.substr(1) : request.name;
    record.created_at = std::chrono::system_clock::now();
    record.image_id = image.id;
    record.config = image.config.config ? merge_image_config(std::move(request.config), *image.config.config)
                                        : std::move(request.config);
    record.host = with_host_defaults(std::move(request.host));
    if (record.config.hostname.empty()) {
        const bool has_hosts_name = record.host.network_mode == "host" || record.host.uts_mode == "host";
        record.config.hostname = has_hosts_name ? host_name_ : record.id.substr(0, 12);
    }
    if (record.host.log.type.empty()) record.host.log.type = default_log_driver_;
    if (record.host.log.type == default_log_driver_)
        record.host.log.config.insert(default_log_options_.begin(), default_log_options_.end());

    resolve_command(record.config); // throws when there is nothing to run
    log_driver_of(record.host).check(driver_options(record.host.log.config));
    check_attribute_options(record.host.log.config);
    profiles_.capability_bits(record.host.capabilities_to_add.value_or(std::vector<std::string>{}),
                              record.host.capabilities_to_drop.value_or(std::vector<std::string>{}),
                              record.host.is_privileged, result.warnings);

    std::vector<digest> chain_ids;
    for (const std::string& chain_id : image.chain_ids) chain_ids.push_back(digest::parse(chain_id));

    claim_name(record);
    images_.hold(record.image_id, record.id);
    rollback undo;
    undo.add([this, made]() -> task<void> {
        index_.release_name(made->record.name, made->record.id);
        images_.release(made->record.image_id, made->record.id);
        records_.erase(made->record.id);
        return destroy_parts(made->record.id);
    });
    co_await with_rollback(undo, make_parts(made, std::move(chain_ids)));

    result.id = record.id;
    publish(*made, "create");
    add(made);
    co_return result;
}

void containers_module::claim_name(container_record& record) {
    if (record.name.empty())
        for (unsigned attempt = 0; record.name.empty() || index_.is_name_taken(record.name); ++attempt)
            record.name = made_up_name(random_bytes<std::uint64_t>(), attempt);
    index_.reserve_name(record.name, record.id);
}

task<void> containers_module::make_parts(container_ptr made, std::vector<digest> chain_ids) {
    const container_record& record = made->record;
    records_.put(record);
    // Three waits for workers side by side. What a crash leaves half made, the next start-up sees and removes.
    co_await with_scope([&](scope& parts) -> task<void> {
        parts.spawn(storage_.make_container(record.id, std::move(chain_ids)));
        parts.spawn(records_.flush());
        co_await io::offload([directory = directory_of(record.id), &record] {
            container_files files;
            files.hosts =
                record.host.network_mode == "host" ? read_host_file("/etc/hosts") : hosts_text(record, "", "");
            files.hostname = hostname_text(record);
            files.resolv_conf = resolv_conf_text(record, read_host_file("/etc/resolv.conf"));
            make_container_files(directory, files);
        });
    });
}

} // namespace davit
