#include <gtest/gtest.h>

#include "api/types/container_inspect.h"
#include "api/types/container_summary.h"
#include "api/types/event_message.h"
#include "api/types/image.h"
#include "api/types/system_info.h"
#include "api/types/version.h"
#include "api/types/wait_response.h"
#include "io/json.h"

namespace davit::api {
namespace {

/// What one type writes, it reads back to the same text.
template <class T> void expect_round_trip(const std::string& json) {
    EXPECT_EQ(io::to_json(io::parse<T>(json, "sample")), json);
}

TEST(types, empty_values_are_written_as_docker_writes_them) {
    EXPECT_EQ(io::to_json(wait_response{}), R"({"StatusCode":0})");
    EXPECT_EQ(io::to_json(endpoint_settings{}),
              R"({"IPAMConfig":null,"Links":null,"Aliases":null,"MacAddress":"","DriverOpts":null,"GwPriority":0,)"
              R"("NetworkID":"","EndpointID":"","Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"",)"
              R"("GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"DNSNames":null})");
    EXPECT_EQ(io::to_json(std::vector<container_summary>{}), "[]");
    EXPECT_EQ(io::to_json(image_summary{}),
              R"({"Containers":-1,"Created":0,"Id":"","Labels":null,"ParentId":"","RepoDigests":[],"RepoTags":[],)"
              R"("SharedSize":-1,"Size":0})");
    EXPECT_EQ(io::to_json(image_container_config{}), "{}");
    EXPECT_EQ(
        io::to_json(inspected_state{}),
        R"({"Status":"","Running":false,"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,"Pid":0,)"
        R"("ExitCode":0,"Error":"","StartedAt":"0001-01-01T00:00:00Z","FinishedAt":"0001-01-01T00:00:00Z"})");
}

TEST(types, a_host_configuration_names_each_field_once) {
    const auto json = io::to_json(wire_host_config{});
    std::map<std::string, int, std::less<>> seen;
    io::read_json(json, "sample", &seen,
                  [](void* to, io::json_value& from) {
                      from.each_field([&](std::string_view key, io::json_value&) {
                          ++(*static_cast<decltype(seen)*>(to))[std::string{key}];
                      });
                  },
                  {});
    for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key;
    EXPECT_GT(seen.size(), 50);
}

TEST(types, what_is_written_reads_back) {
    expect_round_trip<event_message>(
        R"({"status":"start","id":"abc","from":"busybox","Type":"container","Action":"start","Actor":{"ID":"abc",)"
        R"("Attributes":{"image":"busybox","name":"web"}},"scope":"local","time":5,"timeNano":5000000001})");
    expect_round_trip<image_delete_item>(R"({"Untagged":"busybox:latest"})");
    container_inspect seen;
    seen.network.emplace();
    seen.network->networks["bridge"].ip_address = "172.17.0.2";
    seen.config.labels.emplace()["a"] = "b";
    expect_round_trip<container_inspect>(io::to_json(seen));
    system_info about;
    about.registry.indexes["docker.io"].is_official = true;
    expect_round_trip<system_info>(io::to_json(about));
    version_response version;
    version.components.push_back(version_component{"Engine", "1", string_map{{"Os", "linux"}}});
    expect_round_trip<version_response>(io::to_json(version));
}

} // namespace
} // namespace davit::api
