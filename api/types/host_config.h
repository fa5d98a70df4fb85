#pragma once

#include "core/container_config.h"
#include "core/fields.h"

namespace davit::api {

/// A container's host side on the wire: what the engine carries out (davit::host_config), and the parts of Docker's
/// object that this engine does not offer. Those hold the texts that Docker writes where nothing was asked for; a
/// request that asks for one is refused by name (`refuse_unoffered`, api/create_body.h). Docker Engine API: HostConfig.
struct wire_host_config : host_config {
    raw_json volume_driver{R"("")"};
    raw_json annotations;
    raw_json cgroup{R"("")"};
    raw_json storage_options;
    raw_json isolation{R"("")"};
    raw_json blkio_weight{"0"};
    raw_json blkio_weight_device{"[]"};
    raw_json blkio_read_bps{"[]"};
    raw_json blkio_write_bps{"[]"};
    raw_json blkio_read_iops{"[]"};
    raw_json blkio_write_iops{"[]"};
    raw_json cpu_realtime_period{"0"};
    raw_json cpu_realtime_runtime{"0"};
    raw_json cpu_count{"0"};
    raw_json cpu_percent{"0"};
    raw_json io_maximum_iops{"0"};
    raw_json io_maximum_bandwidth{"0"};
};

/// The fields of the second kind, by name: what a request is checked for.
inline constexpr auto unoffered_host_fields = [] {
    using self = wire_host_config;
    return field_list{field("VolumeDriver", &self::volume_driver),
                      field("Annotations", &self::annotations, when_empty::omit),
                      field("Cgroup", &self::cgroup),
                      field("StorageOpt", &self::storage_options, when_empty::omit),
                      field("Isolation", &self::isolation),
                      field("BlkioWeight", &self::blkio_weight),
                      field("BlkioWeightDevice", &self::blkio_weight_device),
                      field("BlkioDeviceReadBps", &self::blkio_read_bps),
                      field("BlkioDeviceWriteBps", &self::blkio_write_bps),
                      field("BlkioDeviceReadIOps", &self::blkio_read_iops),
                      field("BlkioDeviceWriteIOps", &self::blkio_write_iops),
                      field("CpuRealtimePeriod", &self::cpu_realtime_period),
                      field("CpuRealtimeRuntime", &self::cpu_realtime_runtime),
                      field("CpuCount", &self::cpu_count),
                      field("CpuPercent", &self::cpu_percent),
                      field("IOMaximumIOps", &self::io_maximum_iops),
                      field("IOMaximumBandwidth", &self::io_maximum_bandwidth)};
}();

} // namespace davit::api

template <> struct davit::fields_of<davit::api::wire_host_config> {
    static constexpr auto list = fields_of<host_config>::list.followed_by(api::unoffered_host_fields);
};
