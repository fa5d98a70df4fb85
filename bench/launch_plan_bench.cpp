// What the engine adds to a launch by handing its plan over: encoding it, and the shim's decoding.

#include <benchmark/benchmark.h>

#include "core/launch_plan.h"
#include "modules/runtime/native/protocol.h"

namespace {

using namespace davit;

shim_protocol::launch_request usual_request() {
    shim_protocol::launch_request request;
    launch_plan& plan = request.plan;
    plan.container_id.assign(64, 'a');
    plan.hostname = "aaaaaaaaaaaa";
    for (int layer = 0; layer < 6; ++layer)
        plan.rootfs.host_layers.push_back("/var/lib/davit/overlay/l/layer" + std::to_string(layer));
    plan.rootfs.host_upper = "/var/lib/davit/overlay/c/upper";
    plan.rootfs.host_work = "/var/lib/davit/overlay/c/work";
    for (const char* file : {"hosts", "hostname", "resolv.conf"}) {
        mount_plan mount;
        mount.host_source = std::string{"/var/lib/davit/containers/"} + file;
        mount.target = std::string{"/etc/"} + file;
        mount.is_engine_file = true;
        plan.mounts.push_back(std::move(mount));
    }
    plan.masked_paths.assign(14, "/proc/some/masked/path");
    plan.read_only_paths.assign(5, "/proc/some/path");
    plan.process.arguments = {"/bin/sh", "-c", "echo hello"};
    plan.process.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"};
    plan.process.seccomp_filter.assign(217 * 8, '\0');
    plan.cgroup.path = "davit/" + plan.container_id;
    return request;
}

void encode_launch_plan(benchmark::State& state) {
    const auto request = usual_request();
    for (auto turn : state) {
        static_cast<void>(turn);
        benchmark::DoNotOptimize(shim_protocol::encode(request));
    }
}
BENCHMARK(encode_launch_plan);

void decode_launch_plan(benchmark::State& state) {
    const std::string bytes = shim_protocol::encode(usual_request());
    for (auto turn : state) {
        static_cast<void>(turn);
        benchmark::DoNotOptimize(shim_protocol::decode<shim_protocol::launch_request>(bytes));
    }
}
BENCHMARK(decode_launch_plan);

} // namespace
